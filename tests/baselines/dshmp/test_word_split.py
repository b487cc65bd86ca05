import sys
from types import SimpleNamespace

import pytest

from baselines.dshmp.word_split import split_tokens
from baselines.layers.inputs.word_tagger import RuleTagger, SpacyTagger, TaggedWord, open_tagger
from baselines.layers.nn.text_encoder import HashTokenizer, Tokens
from mevis_bench.records import MethodError, UsageError


def motion_words(text):
    return [text[word.start : word.end] for word in RuleTagger().tag(text) if word.motion]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the bird flying away slowly", ["flying", "slowly"]),
        ("two elephants walking to the left, one after another", ["walking"]),
        ("the cat that jumps onto the table and then runs off", ["jumps", "then", "runs"]),
        ("person standing still without moving", ["standing", "still", "moving"]),
        ("the dogs chasing each other in a circle", ["chasing"]),
        ("the red king is in the building", []),
        ("the bird which has flown first", ["flown", "first"]),
        ("a butterfly flies over the friendly family", ["flies"]),
        ("the one who was overtaken and ran back", ["ran"]),
        ("the ring-tailed lemur", ["tailed"]),
    ],
)
def test_rules(text, expected):
    assert motion_words(text) == expected


def test_words_and_signs_are_cut_apart():
    text = "it's the bird, ain't it?"
    assert [text[word.start : word.end] for word in RuleTagger().tag(text)] == [
        "it's", "the", "bird", ",", "ain't", "it", "?",
    ]  # fmt: skip


def test_the_split_of_the_vectors():
    text = "the bird flying away slowly"
    assert split_tokens(HashTokenizer().encode(text), RuleTagger().tag(text), 40) == ([1, 2, 4], [3, 5])


def test_pieces_of_a_word_share_its_class_and_strays_have_none():
    words = [TaggedWord(0, 3, False), TaggedWord(4, 12, True)]
    tokens = Tokens((0, 5, 6, 7, 8, 2), (None, (0, 3), (4, 7), (7, 12), (2, 6), None))
    assert split_tokens(tokens, words, 40) == ([1], [2, 3])


def test_tokens_past_the_cut_are_dropped():
    text = "birds " + "flying " * 50
    static, motion = split_tokens(HashTokenizer().encode(text), RuleTagger().tag(text), 40)
    assert static == [1]
    assert motion == list(range(2, 40))


def test_an_unknown_tagger():
    with pytest.raises(UsageError, match="unknown tagger 'nltk'"):
        open_tagger("nltk")


def test_without_spacy_the_hint_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MethodError, match="needs spaCy, which is not installed") as caught:
        open_tagger("spacy")
    assert "--variant swin-t" in str(caught.value)


def test_without_spacys_model_the_hint_says_what_to_do(monkeypatch):
    def load(name, disable):
        raise OSError(f"[E050] Can't find model '{name}'")

    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=load))
    with pytest.raises(MethodError, match="model en_core_web_sm is not installed"):
        open_tagger("spacy")


def test_spacys_tags_are_verbs_and_adverbs(monkeypatch):
    """A fake spaCy with its real interface: tokens have idx, text and pos_."""
    tags = {"bird": "NOUN", "is": "AUX", "flying": "VERB", "away": "ADP", "slowly": "ADV"}

    def fake_pipeline(text):
        return [SimpleNamespace(idx=text.index(word), text=word, pos_=tags[word]) for word in text.split()]

    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=lambda name, disable: fake_pipeline))
    text = "bird is flying away slowly"
    tagged = SpacyTagger().tag(text)
    assert [text[word.start : word.end] for word in tagged if word.motion] == ["flying", "slowly"]
