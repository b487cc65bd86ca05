"""Every method's options: what method.yaml states is valid, and what is invalid is named with file or flag and key."""

import dataclasses

import pytest

from mevis_bench.methods.method_options import options_type, resolve_options
from mevis_bench.methods.registry import find_methods
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.errors import RenamedFieldWarning

REGISTRY = find_methods()
VARIANTS = [f"{name}:{variant}" for name, entry in REGISTRY.methods.items() for variant in entry.spec.variants]

INVALID = [
    ("referformer", "short", 16, "expected an integer >= 32, got 16"),
    ("referformer", "clip_length", "all", "expected an integer >= 1, got 'all'"),
    ("referformer", "clip_length", 0, "expected an integer >= 1, got 0"),
    ("referformer", "sampling", "random", "expected one of consecutive, interleaved, got 'random'"),
    ("referformer", "precision", "int8", "expected one of float32, bfloat16, float16, got 'int8'"),
    ("sgmg", "size", "huge", "expected one of base, mini, got 'huge'"),
    ("soc", "size", "base-64", "expected one of base, base-65, mini, got 'base-64'"),
    ("soc", "frame_by_frame", 1, "expected true or false, got 1"),
    ("r2vos", "agreement", 2, "expected a number >= 0 and <= 1, got 2.0"),
    ("losh", "longest", 0, "expected an integer >= 1, got 0"),
    ("mttr", "short", True, "expected an integer >= 32, got true"),
    ("mutr", "reference", "smell", "expected one of text, audio, speech, got 'smell'"),
    ("lmpm", "threshold", "high", "expected a number, got 'high'"),
    ("lmpm", "chunk", 0, "expected an integer >= 1, got 0"),
    ("dshmp", "kept", -1, "expected an integer >= 0, got -1"),
    ("transrmot", "miss_tolerance", 0, "expected an integer >= 1, got 0"),
    ("transrmot", "birth_score", 70, "expected a number >= 0 and <= 1, got 70.0"),
    ("temprmot", "short", 8.5, "expected an integer >= 1, got 8.5"),
    ("urvos", "side", 302, "expected an integer >= 32 and a multiple of 4, got 302"),
    ("urvos", "stages", 3, "expected one of 1, 2, got 3"),
    ("urvos", "abstain", 1, "expected true or false, got 1"),
    ("lbdt", "interval", None, "expected an integer >= 1, got null"),
    ("git", "beams", 0, "expected an integer >= 1, got 0"),
    ("videollama2", "frames", 33, "expected an integer >= 1 and <= 32, got 33"),
    ("videollama2", "alpha", float("nan"), "expected a finite number, got nan"),
    ("lmpmpp", "selection", "oracle", "expected one of language, matcher, got 'oracle'"),
    ("moving_region", "frames", "3", "expected an integer >= 1, got '3'"),
    ("referformer", "short", "big", "expected an integer >= 32, got 'big'"),
    ("lmpm", "precision", "int8", "expected one of float32, bfloat16, float16, got 'int8'"),
    ("transrmot", "show_area", "large", "expected a number >= 0, got 'large'"),
    ("urvos", "words", 0, "expected an integer >= 1, got 0"),
    ("urvos", "anchor", "last", "expected one of auto, first, got 'last'"),
    ("urvos", "memory_frames", 1, "expected an integer >= 2, got 1"),
    ("urvos", "kept", -1, "expected an integer >= 0, got -1"),
    ("lbdt", "interval", 0, "expected an integer >= 1, got 0"),
    ("lbdt", "interval", "five", "expected an integer >= 1, got 'five'"),
    ("lbdt", "interval", True, "expected an integer >= 1, got true"),
    ("git", "size", "huge", "expected one of large, base, mini, tracks, got 'huge'"),
    ("git", "max_new_tokens", 0, "expected an integer >= 1, got 0"),
    ("git", "fit", "bend", "expected one of crop, pad, squash, got 'bend'"),
    ("git", "alpha", -1.0, "expected a number >= 0 and <= 1, got -1.0"),
    ("git", "alpha", "x", "expected a number >= 0 and <= 1, got 'x'"),
    ("vast", "frames", 65, "expected an integer >= 1 and <= 64, got 65"),
    ("vast", "precision", "int8", "expected one of float32, bfloat16, float16, got 'int8'"),
    ("vast", "length_penalty", -1, "expected a number >= 0, got -1.0"),
    ("cen", "beams", 0, "expected an integer >= 1, got 0"),
    ("cen", "length_penalty", "long", "expected a number >= 0, got 'long'"),
    ("videollama2", "size", "huge", "expected one of 7b, 2.1-7b, mini, got 'huge'"),
    ("videollama2", "bits", 2, "expected one of 16, 8, 4, got 2"),
    ("videollama2", "precision", "double", "expected one of float32, bfloat16, float16, got 'double'"),
    ("videollama2", "frames", "8", "expected an integer >= 1 and <= 32, got '8'"),
]

INVALID_COLORS = [[255, 0], "red", [0, 0, 256], [0, 0, 0, 0], [0.5, 0, 0]]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_options_of_every_variant_are_valid(name):
    method = REGISTRY.resolve(name)
    kind = options_type(method.method)
    if kind is None:
        if method.method.spec.environment is not None:
            pytest.skip("its options are validated where it runs, in an environment of its own")
        assert method.spec.options == {}, f"{name} has options but no options.py"
        return
    assert dataclasses.is_dataclass(kind)
    assert resolve_options(method) == dict(method.spec.options)


@pytest.mark.parametrize(("name", "key", "value", "message"), INVALID)
def test_an_invalid_setting_is_named(name, key, value, message):
    with pytest.raises(DataError) as raised:
        resolve_options(REGISTRY.resolve(name), {key: value})
    assert str(raised.value) == f"--set method.{key}: '{key}': {message}"


@pytest.mark.parametrize("color", INVALID_COLORS)
def test_an_invalid_color_is_refused(color):
    with pytest.raises(DataError, match=r"^--set method\.color: 'color"):
        resolve_options(REGISTRY.resolve("videollama2"), {"color": color})


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("lmpm", "longest", 100, "'longest': expected no less than short (448), got 100"),
        ("mttr", "longest", 200, "'longest': expected no less than short (360), got 200"),
        ("soc", "longest", 200, "'longest': expected no less than short (360), got 200"),
        (
            "mutr",
            "reference",
            "speech",
            "'reference': speech is read on backbone 'common-start' only, got 'video-swin-t'; use 'audio'",
        ),
        (
            "wnet",
            "clip_length",
            None,
            "'clip_length': expected a number of frames (36 as published: one query per frame), got null",
        ),
    ],
)
def test_options_that_contradict_each_other_are_named(name, key, value, message):
    with pytest.raises(DataError) as raised:
        resolve_options(REGISTRY.resolve(name), {key: value})
    assert raised.value.message == message


def test_an_unknown_setting_is_refused_with_a_suggestion():
    with pytest.raises(UsageError) as raised:
        resolve_options(REGISTRY.resolve("referformer"), {"shrot": 360})
    assert str(raised.value).startswith("--set method.shrot: unknown option 'shrot' of referformer:")
    assert "Did you mean 'short'?" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "former", "current", "value"),
    [
        ("lmpmpp", "answers", "selection", "matcher"),
        ("lmpmpp", "shows", "output", "boxes"),
        ("temprmot", "most_tracks", "max_tracks", 7),
    ],
)
def test_a_former_name_is_read_with_a_warning(name, former, current, value):
    with pytest.warns(RenamedFieldWarning, match=f"--set method.{former}: '{former}' is now called '{current}'"):
        options = resolve_options(REGISTRY.resolve(name), {former: value})
    assert options[current] == value
    assert former not in options
