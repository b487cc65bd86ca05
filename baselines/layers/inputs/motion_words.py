"""Word lists of the rule tagger: words for things that move, and what only looks like it."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AUXILIARIES = _words(
    """
    am is are was were be been being has have had having do does did will would can could shall should may might
    must
    """
) | {f"{verb}n't" for verb in ("is", "are", "was", "were", "do", "does", "did", "wo")}
"""Auxiliaries: no motion words, whatever their ending."""


ADVERBS = _words(
    """
    then again still also first later soon once twice always never not together apart together backwards
    backward forwards forward sideways leftward leftwards rightward rightwards upward upwards downward downwards
    straight almost already afterwards meanwhile there here instead just ever quite very only too even far
    further clockwise counterclockwise anticlockwise upside
    """
)
"""Adverbs that do not end in -ly."""


NOT_ADVERBS = _words(
    """
    fly butterfly dragonfly family belly friendly lovely ugly silly curly elderly only
    """
)
"""Words in -ly that are no adverbs."""


VERBS = _words(
    """
    accelerate appear approach arrive ascend attack balance bark beat begin bend bite block blow bounce bow
    brake break breathe bring brush build bump bury carry cast catch change charge chase chew circle clap clean
    climb close collide come compete continue cook crash crawl cross crouch cuddle curl cut dance dash
    decelerate descend dip disappear dive dodge drag drift drink drive drop duck eat embrace emerge end enter
    escape exit extend face fall feed fight find fix flap flee flip float flutter fly fold follow gallop gather
    get give glide go grab graze groom grow guide halt hang head hide hit hold hop hover hug hunt hurdle inch
    jog join jump keep kick kiss kneel land lead lean leap leave lick lie lift limp linger look lower lunge lurk
    make march meet mount move nibble nod nudge open orbit overtake pace paddle pass pause peck peek perch
    perform pet pick plant play plunge point pounce prance preen proceed prowl pull pursue push put race raise
    reach rear recede remain rest retreat return reverse ride rise roam rock roll rotate rub run rush scamper
    scatter scratch scurry see separate shake shift shoot show sink sit skate ski skid skip sleep slide slip
    slow smell snap sniff soar spin sprint squat stagger stand start stay steer step stick stomp stop stretch
    stride stroll struggle stumble surf surface sway swerve swim swing switch take talk tap tilt topple toss
    touch tow trail travel tread trot try tug tumble turn twirl twist undulate use vanish wade wag wait walk
    wander watch wave wiggle wobble work wrap wrestle yawn zigzag
    """
)
"""Verbs, as they are looked up."""


IRREGULAR = _words(
    """
    ate beaten began begun bent bit bitten blew blown broke broken brought built came carried caught chosen
    clung crept did done drank drawn drew driven drove eaten fallen fed fell felt fled flew flown fought found
    gave given gone got gotten grew grown held hid hidden hung kept knelt laid lain lay leapt led lent lost
    made met ran ridden risen rode rose said sang sank sat saw seen sent shaken shook shot shown slept slid
    sought sped spun spread sprang sprung stood strode struck stuck sung sunk swam swept swum swung taken taught
    threw thrown told took torn trod went woke worn wove
    """
)
"""Past forms that do not end in -ed."""


NOT_VERBS = _words(
    """
    bed red shed sled thing something anything nothing everything ring king wing string building ceiling evening
    morning clothing railing painting during seed reed speed hundred
    """
)
"""Words in -ing and -ed that are no verbs."""


ARTICLES = _words("a an the its their his her my your our this these those each every some any no another one two")
"""Words after which a noun is to be expected."""
