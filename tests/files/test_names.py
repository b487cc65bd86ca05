"""One table of names over every reader and writer: each accepts all valid names and refuses all invalid ones."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mevis_bench.data.mevis.annotations import parse_expressions, parse_frames, parse_videos
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic.make import make_mini
from mevis_bench.execution.command_method import _write_split
from mevis_bench.files.names import (
    FOLLOW_LINKS_VARIABLE,
    MAX_NAME_BYTES,
    follow_links,
    is_valid_name,
    resolve_inside,
    safe_join,
    validate_name,
    validate_relative_path,
)
from mevis_bench.files.tree import Folder, ZipFolder
from mevis_bench.records import CaptionPrediction, DataError, UsageError, Video
from mevis_bench.runs.refer_kitti_export import export_split
from mevis_bench.store.formats.mot_text import MotPredictions
from mevis_bench.store.formats.official_png import PngPredictions
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.prediction_file import PredictionFile
from mevis_bench.store.prediction_source import FrameSpec
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.split_documents import HEIGHT, WIDTH, documents, square
from tests.fixtures.split_documents import write_split as write_tiny_split

VALID = ["0", "a_cat", "a..b", "ü 1", "x" * MAX_NAME_BYTES, "ü" * (MAX_NAME_BYTES // 2), "-x", "a+b", "x."]
INVALID = [
    "", ".", "..", ".x", "../x", "/etc", "a/b", "a\\b", "a:b", "C:x", "a\tb", "a\nb", "a\0b", "a\u2028b", "a\u202eb",
    "\ud800", "x" * (MAX_NAME_BYTES + 1), "ü" * (MAX_NAME_BYTES // 2 + 1),
]  # fmt: skip
CLIP = FrameSpec("cat", ("0",), HEIGHT, WIDTH)


def resolve(name: str, root: Path) -> None:
    if "/" in name:  # a relative path may have parts
        raise DataError("another folder")
    resolve_inside(root, f"{name}/0", "path")


def make_mini_split(name: str, root: Path) -> None:
    """Request a split without videos, which is refused after its name was checked."""
    with pytest.raises((DataError, UsageError)) as caught:
        make_mini(name, 0, 0, root)
    if isinstance(caught.value, DataError):
        raise caught.value


def read_zip_member(name: str, root: Path) -> None:
    if "/" in name:  # a separator in a zip is a folder
        raise DataError("another folder")
    with zipfile.ZipFile(root / "a.zip", "w") as file:
        file.writestr(f"{name}/0/0.png", b"")
    if not ZipFolder(root / "a.zip").names():
        raise DataError("hidden")


def read_run(name: str, root: Path) -> None:
    RunPredictions(Folder(root)).lines(name)


def read_source(name: str, root: Path, source: Callable[[Folder], MotPredictions | PngPredictions]) -> None:
    """Read a sample that does not exist; a valid name is missing, an invalid one is refused before."""
    for clip, expression_id in ((FrameSpec(name, ("0",), HEIGHT, WIDTH), "0"), (CLIP, name)):
        with pytest.raises(DataError) as caught:
            source(Folder(root)).read(expression_id, clip)
        if "is missing" not in caught.value.message:
            raise caught.value


def export(name: str, root: Path) -> None:
    """Write a split whose video has this name in the layout of Refer-KITTI; reading checks the name first."""
    meta, masks = documents()
    split = open_dataset(write_tiny_split(root / "split", meta, masks), "x")
    video = split.video("a_cat")
    split.video_ids = (name,)
    split.video = lambda video_id: Video(video_id, video.frame_names, video.frame_paths, HEIGHT, WIDTH)  # type: ignore[method-assign]
    split.ground_truths = lambda video_id: ()  # type: ignore[method-assign]
    export_split(split, root / "out", copy_frames=False, predictions=None, advance=lambda done, total: None)


def write_command_split(name: str, root: Path) -> None:
    _write_split(root, Video(name, (), (), HEIGHT, WIDTH), (), {})


READERS_AND_WRITERS: dict[str, Callable[[str, Path], object]] = {
    "validate_name": lambda name, root: validate_name(name, "name"),
    "safe_join": lambda name, root: safe_join(root, name),
    "resolve_inside": lambda name, root: (
        resolve_inside(root, name, "path") if "/" not in name else validate_name(name, "")
    ),
    "video id": lambda name, root: parse_videos({"videos": {name: {}}}, ""),
    "frame name": lambda name, root: parse_frames({"frames": [name]}, ""),
    "expression id": lambda name, root: parse_expressions({"expressions": {name: {}}}, ""),
    "run folder, read": read_run,
    "run folder, write": lambda name, root: RunFolder(root).predictions_path(name),
    "MOT text": lambda name, root: read_source(name, root, MotPredictions),
    "official PNG tree": lambda name, root: read_source(name, root, PngPredictions),
    "zip member": read_zip_member,
    "make-mini": make_mini_split,
    "Refer-KITTI export": export,
    "command method": write_command_split,
}


@pytest.mark.parametrize("place", READERS_AND_WRITERS)
@pytest.mark.parametrize("name", VALID, ids=ascii)
def test_valid_names_are_accepted_everywhere(tmp_path: Path, place: str, name: str) -> None:
    assert is_valid_name(name)
    READERS_AND_WRITERS[place](name, tmp_path)


@pytest.mark.parametrize("place", READERS_AND_WRITERS)
@pytest.mark.parametrize("name", INVALID, ids=ascii)
def test_invalid_names_are_refused_everywhere(tmp_path: Path, place: str, name: str) -> None:
    assert not is_valid_name(name)
    if place == "zip member" and ("\0" in name or "\ud800" in name):
        pytest.skip("Python's zipfile cannot write this name")
    with pytest.raises(DataError):
        READERS_AND_WRITERS[place](name, tmp_path)


@pytest.mark.parametrize("name", VALID, ids=ascii)
def test_what_can_be_read_can_be_written_and_read_again(tmp_path: Path, name: str) -> None:
    meta = {"videos": {name: {"expressions": {name: {"exp": "a cat", "anno_id": ["1"]}}, "frames": [name]}}}
    frame = tmp_path / "split" / "JPEGImages" / name / f"{name}.jpg"
    frame.parent.mkdir(parents=True)
    Image.new("RGB", (WIDTH, HEIGHT)).save(frame)
    (tmp_path / "split" / "meta_expressions.json").write_text(json.dumps(meta))
    (tmp_path / "split" / "mask_dict.json").write_text(json.dumps({"1": [square(1)]}))
    video = open_dataset(tmp_path / "split", "x").video(name)
    assert video.frame(0).shape == (HEIGHT, WIDTH, 3)

    path = RunFolder(tmp_path / "run").predictions_path(name)
    predictions = PredictionFile(path, [name], again=())
    predictions.add(name, CaptionPrediction("a cat"))
    predictions.close()
    clip = FrameSpec(name, video.frame_names, HEIGHT, WIDTH)
    assert RunPredictions(Folder(path.parent)).read(name, clip) == CaptionPrediction("a cat")

    mask = io.BytesIO()
    Image.fromarray(np.eye(HEIGHT, WIDTH, dtype=bool)).save(mask, "PNG")
    place = tmp_path / "masks" / name / name / f"{name}.png"
    place.parent.mkdir(parents=True)
    place.write_bytes(mask.getvalue())
    assert PngPredictions(Folder(tmp_path / "masks")).read(name, clip).rows.areas().tolist() == [min(HEIGHT, WIDTH)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (7, "invalid video id 7: expected a string, got int"),
        ("", "invalid video id '': it is empty"),
        (".x", "invalid video id '.x': it starts with a dot"),
        ("a:b", "invalid video id 'a:b': it contains '/', '\\' or ':'"),
        ("a\tb", "invalid video id 'a\\tb': it contains an unprintable character"),
        ("x" * 201, f"invalid video id '{'x' * 201}': it is longer than 200 bytes"),
    ],
)
def test_the_message_names_value_reason_and_place(name: object, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        validate_name(name, "video id", "meta.json")
    assert str(caught.value) == f"meta.json: {reason}"


@pytest.mark.parametrize("path", ["a", "audio/v/0.wav", "a b/c"])
def test_relative_paths_of_valid_names(path: str) -> None:
    assert validate_relative_path(path, "path") == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (None, "invalid path None: expected a string, got NoneType"),
        ("", "invalid path '': it is absolute or has an empty part"),
        ("/a", "invalid path '/a': it is absolute or has an empty part"),
        ("a//b", "invalid path 'a//b': it is absolute or has an empty part"),
        ("a/", "invalid path 'a/': it is absolute or has an empty part"),
        ("a/../b", "invalid path 'a/../b' ('..'): it starts with a dot"),
        ("C:/a", "invalid path 'C:/a' ('C:'): it contains '/', '\\' or ':'"),
    ],
)
def test_other_paths_are_refused(path: object, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        validate_relative_path(path, "path")
    assert str(caught.value) == reason


def test_links_out_of_a_folder_are_refused_and_links_inside_are_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "in").symlink_to(root)
    assert resolve_inside(root, "in/a", "path") == root / "in/a"
    with pytest.raises(DataError, match="path 'out/a' leaves the folder through a link"):
        resolve_inside(root, "out/a", "path")


def test_links_may_lead_to_the_named_folder_around_it(tmp_path: Path) -> None:
    split = tmp_path / "data/split"
    split.mkdir(parents=True)
    (split / "common").symlink_to(tmp_path / "data/common")
    with pytest.raises(DataError, match="leaves the folder through a link"):
        resolve_inside(split, "common/a", "path")
    assert resolve_inside(split, "common/a", "path", within=tmp_path / "data") == split / "common/a"


def test_a_snapshot_of_a_hub_cache_may_link_to_its_blobs_only(tmp_path: Path) -> None:
    root = tmp_path / "datasets--lab--MeViS/snapshots/0123abc/valid_u"
    root.mkdir(parents=True)
    for name, target in {"frame": "../../../blobs/f00", "other": "../../../../models--lab--M/blobs/f00"}.items():
        (root / name).symlink_to(target)
    assert resolve_inside(root, "frame", "path") == root / "frame"
    with pytest.raises(DataError, match="path 'other' leaves the folder through a link") as caught:
        resolve_inside(root, "other", "path")
    assert caught.value.hint == "If the link can be trusted: mevis-bench --follow-links COMMAND."


def test_links_lead_out_where_they_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/out").symlink_to(tmp_path)
    monkeypatch.setenv(FOLLOW_LINKS_VARIABLE, "0")
    with pytest.raises(DataError, match="leaves the folder through a link"):
        resolve_inside(tmp_path / "root", "out/a", "path")
    follow_links()
    assert resolve_inside(tmp_path / "root", "out/a", "path") == tmp_path / "root/out/a"
    with pytest.raises(DataError, match=r"invalid path '\.\./a'"):
        resolve_inside(tmp_path / "root", "../a", "path")
