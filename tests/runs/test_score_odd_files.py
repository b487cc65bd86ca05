"""Damaged, swapped and mislabeled predictions: one clear error, or a recorded missing sample; never another score."""

import itertools
import json
import shutil
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import MevisBenchError
from mevis_bench.runs.score import score_run
from tests.fixtures import drawn_split

SHAPES = {"cat": (2, 12, 15), "dog": (3, 9, 40)}
fuzz = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
folders = itertools.count()


def check_words(error: MevisBenchError) -> None:
    """One line that says what, and where it is or what to do."""
    assert error.message
    assert "\n" not in error.message
    assert error.location or error.hint


class World:
    """A split, good predictions of it in every format, and their scores."""

    def __init__(self, root: Path) -> None:
        rng = np.random.default_rng(1)
        videos = {name: drawn_split.draw_video(rng, shape, 3) for name, shape in SHAPES.items()}
        self.root = root
        self.split = drawn_split.write_split(root / "split", videos)
        clips = {
            name: {
                expression: drawn_split.noisy(rng, video.ground_truth(expression)) for expression in video.expressions
            }
            for name, video in videos.items()
        }
        self.sources = {
            "png": drawn_split.write_png_tree(root / "png", clips),
            "run": drawn_split.write_run(root / "run", clips),
            "zip": drawn_split.write_zip(root / "p.zip", clips),
            "json": drawn_split.write_json(root / "p.json", clips),
        }
        self.good = self.score(self.sources["json"])

    def score(self, predictions: Path, missing: str = "error") -> dict[str, dict[str, float | None]]:
        """Score; every sample that counts as zero must have an error."""
        scored = score_run(predictions, data=self.split, options=ScoringOptions(missing=missing), out=self.root / "out")
        missing_count = scored.results.counts["missing"]
        assert missing_count == len(scored.errors)
        assert scored.results.counts["scored"] == 6 - missing_count
        return {score.sample: dict(score.values) for score in scored.scores if score.sample not in scored.errors}

    def copy(self, kind: str) -> Path:
        """Return a copy of good predictions, to be damaged."""
        source = self.sources[kind]
        target = self.root / f"{kind}-{next(folders)}{source.suffix}"
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
        return target

    def check(self, predictions: Path) -> None:
        """Both ways of treating faults: an error that says where, and good samples with the scores they had."""
        try:
            scores = self.score(predictions)
        except MevisBenchError as error:
            check_words(error)
        else:
            assert scores == self.good
        try:
            kept = self.score(predictions, missing="zero")
        except MevisBenchError:
            return  # the whole file, not a sample of it
        assert all(self.good[sample] == values for sample, values in kept.items())


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def files_of(predictions: Path) -> list[Path]:
    return sorted(path for path in predictions.rglob("*") if path.is_file()) if predictions.is_dir() else [predictions]


def test_every_format_agrees(world: World) -> None:
    for source in world.sources.values():
        assert world.score(source) == world.good


@fuzz
@given(st.sampled_from(["png", "run", "zip", "json"]), st.floats(0, 1), st.floats(0, 0.999))
def test_cut_files(world: World, kind: str, which: float, location: float) -> None:
    predictions = world.copy(kind)
    path = files_of(predictions)[int(which * (len(files_of(predictions)) - 1))]
    data = path.read_bytes()
    path.write_bytes(data[: int(location * len(data.rstrip()))])
    with pytest.raises(MevisBenchError) as caught:
        world.score(predictions)
    assert path.name in str(caught.value)
    world.check(predictions)


@fuzz
@given(st.sampled_from(["png", "zip"]), st.floats(0, 1), st.floats(0, 0.999), st.integers(1, 255))
def test_changed_bytes(world: World, kind: str, which: float, location: float, change: int) -> None:
    predictions = world.copy(kind)
    path = files_of(predictions)[int(which * (len(files_of(predictions)) - 1))]
    data = bytearray(path.read_bytes())
    data[int(location * len(data))] ^= change
    path.write_bytes(bytes(data))
    world.check(predictions)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def replace_somewhere(value: object, path: list[float], new: object) -> object:
    """Replace one node of a JSON document, ``path`` leading to it."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[int(path[0] * (len(keys) - 1))]
    value[key] = replace_somewhere(value[key], path[1:], new)
    return value


@settings(fuzz, max_examples=150)
@given(st.sampled_from(["run", "json"]), st.floats(0, 1), st.lists(st.floats(0, 1), max_size=5), json_values)
def test_other_values_in_json(world: World, kind: str, which: float, path: list[float], new: object) -> None:
    predictions = world.copy(kind)
    file = files_of(predictions)[int(which * (len(files_of(predictions)) - 1))]
    lines = file.read_text().splitlines()
    number = int(which * (len(lines) - 1))
    lines[number] = json.dumps(replace_somewhere(json.loads(lines[number]), path, new))
    file.write_text("\n".join(lines))
    for missing in ("error", "zero"):
        try:
            world.score(predictions, missing)
        except MevisBenchError as error:
            check_words(error)


@pytest.mark.parametrize("kind", ["png", "run"])
def test_files_of_another_video_do_not_fit(world: World, kind: str) -> None:
    predictions = world.copy(kind)
    first, last = files_of(predictions)[0], files_of(predictions)[-1]
    assert (first.parts[-2], last.parts[-2]) != ("dog", "dog")
    first.write_bytes(last.read_bytes())
    with pytest.raises(MevisBenchError, match=rf"{first.name}.*(the video is 15x12|3 masks for 2 frames)"):
        world.score(predictions)
    world.check(predictions)


def test_files_with_other_names_are_missing_or_strange(world: World) -> None:
    predictions = world.copy("png")
    frame = predictions / "cat" / "0" / "00005.png"
    frame.rename(frame.with_name("5.png"))
    with pytest.raises(MevisBenchError, match=r"cat/0/00005\.png: frame is missing"):
        world.score(predictions)
    predictions = world.copy("png")
    (predictions / "cat" / "0").rename(predictions / "cat" / "00")
    with pytest.raises(MevisBenchError, match="does not have: cat/00\nCheck --data and --split"):
        world.score(predictions)


def test_one_folder_too_many_is_explained(world: World) -> None:
    predictions = world.copy("png")
    wrapper = world.root / "wrapper"
    wrapper.mkdir()
    predictions.rename(wrapper / "Annotations")
    with pytest.raises(MevisBenchError, match=r"no predictions found\nThe videos are inside Annotations/"):
        world.score(wrapper)


def test_a_key_twice_is_an_error(world: World) -> None:
    path = world.root / "twice.json"
    path.write_text('{"cat": {"0": [], "1": [], "0": []}}')
    with pytest.raises(MevisBenchError, match=r"twice\.json: duplicate key '0'"):
        world.score(path)


def test_a_zip_that_leaves_its_folder_or_repeats_a_name(world: World) -> None:
    for name, message in (("../cat/0/00000.png", "it starts with a dot"), ("cat/0/00000.png", "duplicate zip member")):
        path = world.copy("zip")
        with zipfile.ZipFile(path, "a") as file, warnings.catch_warnings(action="ignore"):
            file.writestr(name, b"x")
        with pytest.raises(MevisBenchError, match=message):
            world.score(path)


def test_256_copies_of_an_object_do_not_vanish(tmp_path: Path) -> None:
    masks = np.zeros((1, 6, 7), bool)
    masks[0, 2:4, 3:5] = True
    names = [str(k) for k in range(256)]
    video = drawn_split.FolderVideo(dict.fromkeys(names, masks), {"0": names})
    split = drawn_split.write_split(tmp_path / "split", {"v": video})
    path = drawn_split.write_json(tmp_path / "p.json", {"v": {"0": masks}})
    assert score_run(path, data=split).results.metrics["J"] == 1.0


@fuzz
@given(st.lists(st.floats(0, 1), max_size=4), json_values)
def test_other_values_in_tracks(world: World, path: list[float], new: object) -> None:
    box = [0.0, 0.0, 3.0, 4.0]
    document = {"expression": "0", "kind": "tracks", "frames": [0, 1], "ids": [0, 0], "boxes": [box, box]}
    predictions = world.root / f"tracks-{next(folders)}"
    predictions.mkdir()
    (predictions / "cat.jsonl").write_text(json.dumps(replace_somewhere(document, path, new)))
    try:
        score_run(predictions, data=world.split, task="rmot", samples=["cat/0"])
    except MevisBenchError as error:
        check_words(error)


@fuzz
@given(st.binary(max_size=40) | st.text("0123456789.,-+einf \n", max_size=40).map(str.encode))
def test_any_bytes_as_text_of_tracks(world: World, data: bytes) -> None:
    predictions = world.root / f"text-{next(folders)}"
    (predictions / "cat").mkdir(parents=True)
    (predictions / "cat" / "0.txt").write_bytes(data)
    try:
        score_run(predictions, data=world.split, task="rmot", samples=["cat/0"])
    except MevisBenchError as error:
        check_words(error)
