"""Surface realization of claims in English: paraphrases, number agreement and varied word order."""

from dataclasses import dataclass

import numpy as np

from mevis_bench.data.synthetic.facts import Claim
from mevis_bench.data.synthetic.sprites import SpriteKind

VERBS = {
    "move": ("moves", "moving"), "go": ("goes", "going"), "travel": ("travels", "traveling"),
    "head": ("heads", "heading"), "fly": ("flies", "flying"), "swim": ("swims", "swimming"),
    "roll": ("rolls", "rolling"), "drive": ("drives", "driving"), "crawl": ("crawls", "crawling"),
    "float": ("floats", "floating"), "rise": ("rises", "rising"), "climb": ("climbs", "climbing"),
    "descend": ("descends", "descending"), "sink": ("sinks", "sinking"), "stay": ("stays", "staying"),
    "remain": ("remains", "remaining"), "keep": ("keeps", "keeping"), "circle": ("circles", "circling"),
    "loop": ("loops", "looping"), "zigzag": ("zigzags", "zigzagging"), "weave": ("weaves", "weaving"),
    "jump": ("jumps", "jumping"), "hop": ("hops", "hopping"), "bounce": ("bounces", "bouncing"),
    "come": ("comes", "coming"), "approach": ("approaches", "approaching"), "get": ("gets", "getting"),
    "leave": ("leaves", "leaving"), "exit": ("exits", "exiting"), "disappear": ("disappears", "disappearing"),
    "enter": ("enters", "entering"), "appear": ("appears", "appearing"), "return": ("returns", "returning"),
    "turn": ("turns", "turning"), "reverse": ("reverses", "reversing"), "follow": ("follows", "following"),
    "chase": ("chases", "chasing"), "trail": ("trails", "trailing"), "overtake": ("overtakes", "overtaking"),
    "pass": ("passes", "passing"), "wait": ("waits", "waiting"), "stop": ("stops", "stopping"),
    "lead": ("leads", "leading"), "fall": ("falls", "falling"), "recede": ("recedes", "receding"),
}  # fmt: skip
"""Base form: third person singular and present participle."""

PLACES = {
    "left": ("left", "to the left", "leftward", "toward the left"),
    "right": ("right", "to the right", "rightward", "toward the right"),
    "up": ("up", "upward"),
    "down": ("down", "downward"),
    "up_left": ("diagonally up to the left", "toward the upper left", "up and to the left"),
    "up_right": ("diagonally up to the right", "toward the upper right", "up and to the right"),
    "down_left": ("diagonally down to the left", "toward the lower left", "down and to the left"),
    "down_right": ("diagonally down to the right", "toward the lower right", "down and to the right"),
}

MOVES = {
    "still": ("stay still", "remain still", "keep still", "stay motionless", "remain motionless"),
    "moving": ("move", "keep moving", "keep on moving"),
    "circle": ("move in circles", "circle around", "go around in circles", "loop around"),
    "zigzag": ("zigzag", "move in a zigzag", "weave from side to side"),
    "hop": ("jump up and down", "hop up and down", "bounce up and down"),
    "near": ("come closer", "come nearer to the camera", "approach the camera", "get closer"),
    "far": ("move away from the camera", "recede into the distance", "get farther away", "go off into the distance"),
}

SPEEDS = {"fast": ("quickly", "fast", "rapidly", "at high speed"), "slow": ("slowly", "at a slow pace", "unhurriedly")}

EVENTS = {
    "leave": ("leave the frame", "exit the view", "disappear from view", "go out of the picture"),
    "return": (
        "leave the frame and then return",
        "disappear from view and come back",
        "go out of view before returning",
    ),
    "enter": ("enter the frame", "come into view", "appear from outside the frame"),
    "turn_back": ("turn back", "reverse direction", "turn around and go back", "reverse course halfway"),
}

RELATIONS = {
    "follow": (
        "follow another {one}",
        "chase another {one}",
        "trail behind another {one}",
        "follow right behind another",
    ),
    "followed": ("lead another {one} along", "be followed by another {one}", "be chased by another {one}"),
    "overtake": ("overtake another {one}", "pass another {one} from behind", "come from behind and pass another {one}"),
    "overtaken": ("be overtaken by another {one}", "fall behind a faster {one}", "be passed by another {one}"),
    "meet": ("approach each other", "move toward each other", "head for each other", "come toward each other"),
    "together": ("move together", "move side by side", "stay together on the move", "keep close together while moving"),
}

EXTREMES = {
    "farthest": ("the {one} that travels the farthest", "the {one} covering the most ground",
                 "the {one} that goes farther than all the others"),
    "fastest": ("the fastest {one}", "the {one} that moves faster than any other", "the {one} with the highest speed"),
    "last_start": ("the last {one} to start moving", "the {one} that waits the longest before setting off",
                   "the {one} that sets off after all the others"),
    "first_stop": ("the first {one} to stop moving", "the {one} that comes to rest before the others",
                   "the {one} that stops first"),
    "end_left": ("the {one} that ends up farthest to the left", "the {one} finishing to the left of all the others"),
    "end_right": ("the {one} that ends up farthest to the right", "the {one} finishing to the right of all the others"),
    "end_top": ("the {one} that ends up higher than the rest", "the {one} finishing above all the others"),
    "end_bottom": ("the {one} that ends up lower than the rest", "the {one} finishing below all the others"),
}  # fmt: skip

NOUN_ONLY = {
    False: ("the {one}", "the only {one}", "the {one} in the video", "the only {one} there is"),
    True: ("the {many}", "all the {many}", "every {one}", "each {one}", "all of the {many}", "the {many} in the video"),
}
"""Expressions that name a kind and nothing else, by whether there are several of it."""

NOUN_AND_NUMBER = ("the {n} {many}", "the {n} {many} in the video", "the group of {n} {many}")

AMONG_TWO_KINDS = {
    "all the others": "all the other {many}", "the others": "the other {many}", "any other": "any other {one}",
    "the rest": "the rest of the {many}", "right behind another": "right behind another {one}",
}  # fmt: skip
"""Words that mean all other objects of the video where it shows one kind, and what to say where it shows two."""

NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}

ORDERS = (
    "that first {a_finite} and then {b_finite}",
    "that {a_finite} and then {b_finite}",
    "first {a_ing} and then {b_ing}",
    "{a_ing} first, then {b_ing}",
    "that {a_finite} before {b_ing}",
    "that {b_finite} after {a_ing}",
    "which initially {a_finite} but later {b_finite}",
    "{b_ing} after {a_ing}",
    "that {start} by {a_ing} and {end} by {b_ing}",
)
"""Sentence frames for two moves in order; some name the later one first."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb phrase in the forms a sentence needs.

    Attributes:
        singular: "moves left", "is followed by another".
        plural: "move left", "are followed by another".
        ing: "moving left", "being followed by another".
    """

    singular: str
    plural: str
    ing: str

    def finite(self, many: bool) -> str:
        """Return the form that agrees with a subject of this number."""
        return self.plural if many else self.singular


def conjugate(phrase: str) -> Verb:
    """Inflect "move left and then return": the first verb, and each verb that follows an "and (then)"."""
    forms: dict[str, list[str]] = {"singular": [], "plural": [], "ing": []}
    expects_verb = True
    for word in phrase.split():
        if expects_verb and (word in VERBS or word == "be"):
            third, ing = VERBS[word] if word != "be" else ("is", "being")
            plural = word if word != "be" else "are"
            for name, form in (("singular", third), ("plural", plural), ("ing", ing)):
                forms[name].append(form)
        else:
            for words in forms.values():
                words.append(word)
        expects_verb = word in ("and", "then")
    return Verb(*(" ".join(forms[name]) for name in ("singular", "plural", "ing")))


class Realizer:
    """Turns claims about one video's objects into expressions with random wording."""

    def __init__(self, kind: SpriteKind, rng: np.random.Generator, *, two_kinds: bool = False) -> None:
        self.kind = kind
        self.rng = rng
        self.two_kinds = two_kinds

    def realize(self, claim: Claim, number: int, *, counted: bool = False) -> str:
        """Return an expression about ``number`` >= 1 targets; ``counted``: it states the number."""
        if claim.form == "extreme":
            return self._finish(self._name(self._among_its_kind(self._pick(EXTREMES[claim.what[0]]))))
        if claim.form == "order":
            first, second = (self._move(move) for move in claim.what)
            return self.order(first, second, self._pick(ORDERS), number)
        many = number > 1
        verb, tail = self._predicate(claim)
        clause = self._clause(verb, many, tail)
        return self._finish(f"{self._subject(number, clause, counted)} {clause}")

    def noun(self, number: int, *, counted: bool = False) -> str:
        """Return an expression that refers to ``number`` >= 1 objects by noun; ``counted``: it says how many."""
        choices = NOUN_AND_NUMBER if counted else NOUN_ONLY[number > 1]
        return self._finish(
            self._pick(choices).format(one=self.kind.noun, many=self.kind.plural, n=NUMBERS.get(number))
        )

    def order_pair(self, first: str, second: str) -> tuple[str, str]:
        """Return two sentences with the same words that differ only in which move comes first."""
        first_verb, second_verb, frame = self._move(first), self._move(second), self._pick(ORDERS)
        state = self.rng.bit_generator.state
        forward = self.order(first_verb, second_verb, frame, 1)
        self.rng.bit_generator.state = state
        return forward, self.order(second_verb, first_verb, frame, 1)

    def order(self, first: Verb, second: Verb, frame: str, number: int) -> str:
        """Return an expression in which one move precedes the other, in a sentence frame of ``ORDERS``."""
        many = number > 1
        clause = frame.format(
            a_finite=first.finite(many), b_finite=second.finite(many), a_ing=first.ing, b_ing=second.ing,
            start="start" if many else "starts", end="end" if many else "ends",
        )  # fmt: skip
        return self._finish(f"{self._subject(number, clause, False)} {clause}")

    def either(self, first_claim: Claim, second_claim: Claim) -> str:
        """Return an expression that refers to the objects of both claims."""
        first = self._clause(*self._pair(first_claim))
        second = self._clause(*self._pair(second_claim))
        noun = self._pick((self.kind.noun, "one"))
        return self._finish(f"the {self.kind.noun} {first} and the {noun} {second}")

    def _pair(self, claim: Claim) -> tuple[Verb, bool, str]:
        verb, tail = self._predicate(claim)
        return verb, False, tail

    def _move(self, move: str) -> Verb:
        """Return a random verb phrase for a move."""
        if move in MOVES:
            return conjugate(self._pick(MOVES[move]))
        verbs = ["move", "move", "go", "travel", "head"]
        if move in ("left", "right") or self.kind.verb in ("fly", "swim", "float"):
            verbs += [self.kind.verb] * 2
        return conjugate(f"{self._pick(verbs)} {self._pick(PLACES[move])}")

    def _predicate(self, claim: Claim) -> tuple[Verb, str]:
        """Return a verb phrase and the words after it."""
        name = claim.what[0]
        if claim.form == "whole":
            pace = f" {self._pick(SPEEDS[claim.what[1]])}" if claim.what[1] else ""
            return self._move(name), pace
        if claim.form == "start":
            return self._move(name), self._pick((" at first", " at the start", " in the beginning", " to begin with"))
        if claim.form == "end":
            return self._move(name), self._pick((" in the end", " at the end", " in the final part"))
        table = EVENTS if claim.form == "event" else RELATIONS
        if name == "stay_in":
            return Verb("never leaves the frame", "never leave the frame", "staying in view the whole time"), ""
        return conjugate(self._name(self._among_its_kind(self._pick(table[name])))), ""

    def _clause(self, verb: Verb, many: bool, tail: str) -> str:
        if verb.ing == "staying still" and not tail and self.rng.random() < 0.4:
            return "that do not move" if many else "that does not move"
        style = self.rng.choice(["ing", "that", "which", "progressive"], p=[0.45, 0.35, 0.08, 0.12])
        if style == "ing":
            return verb.ing + tail
        if style == "progressive" and not verb.singular.startswith(("is ", "never", "stays", "remains", "keeps")):
            return f"that {'are' if many else 'is'} {verb.ing}{tail}"
        return f"{'which' if style == 'which' else 'that'} {verb.finite(many)}{tail}"

    def _subject(self, number: int, clause: str, counted: bool) -> str:
        """Return article, number and noun; a bare noun only before a participle."""
        bare = clause.split()[0] not in ("that", "which")
        if number == 1:
            choices = ["the {}"] * 9 + ["the only {}"] + ["{}"] * (2 * bare)
            return self._pick(choices).format(self.kind.noun)
        word = NUMBERS[number]
        choices = [f"the {word} {{}}"] * 2 if counted else ["the {}"] * 4 + ["all the {}", f"the {word} {{}}"]
        if not counted and bare:
            choices.append("{}")
        if not counted and number == 2:
            choices.append("both {}")
        return self._pick(choices).format(self.kind.plural)

    def _among_its_kind(self, text: str) -> str:
        """Return words that say, where there are two kinds, of which one the other objects are."""
        words = next((words for words in AMONG_TWO_KINDS if self.two_kinds and words in text), None)
        return text if words is None else text.replace(words, AMONG_TWO_KINDS[words])

    def _name(self, text: str) -> str:
        return text.format(one=self.kind.noun, many=self.kind.plural)

    def _finish(self, text: str) -> str:
        """Capitalize half of the expressions, as annotators do."""
        return text[0].upper() + text[1:] if self.rng.random() < 0.5 else text

    def _pick(self, choices: tuple[str, ...] | list[str]) -> str:
        return choices[self.rng.integers(len(choices))]
