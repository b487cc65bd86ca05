"""Every kind of error that a split can have is planted and has to be named, alone and with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from mevis_bench.cli.app import main
from mevis_bench.data.mevis.validation import validate_split
from tests.fixtures.split_documents import HEIGHT, WIDTH, documents, square, write_split
from tests.paths import SHARED


def test_a_sound_split_is_counted(tmp_path: Path) -> None:
    report = validate_split(write_split(tmp_path, *documents()), "x")
    assert report.errors == []
    assert (report.videos, report.frames, report.objects, report.expressions) == (2, 6, 3, 6)
    assert (report.single, report.multi, report.no_target, report.unknown, report.spoken) == (4, 1, 1, 0, 0)


def test_a_split_without_truth_is_sound(tmp_path: Path) -> None:
    report = validate_split(write_split(tmp_path, documents()[0], None), "x")
    assert (report.has_ground_truth, report.objects, report.unknown, report.errors) == (False, 0, 6, [])


def cat(meta: dict[str, Any]) -> dict[str, Any]:
    video: dict[str, Any] = meta["videos"]["a_cat"]
    return video


def cut_counts(mask: dict[str, Any]) -> None:
    mask["counts"] = mask["counts"][:-1]


IN_DOCUMENTS: dict[str, tuple[Callable[[Any, Any], object], list[str]]] = {
    "unknown anno_id": (
        lambda meta, masks: masks.pop("9"),
        ["meta_expressions.json: video a_cat, expression 0: anno_id 9 is not in mask_dict.json"],
    ),
    "wrong length": (
        lambda meta, masks: masks["8"].pop(),
        ["mask_dict.json: key 8: there are 2 masks, the video has 3 frames"],
    ),
    "mask of another size": (
        lambda meta, masks: masks["9"][1].update(size=[WIDTH, HEIGHT]),
        ["mask_dict.json: key 9, frame 1: mask is 6x8, the video is 8x6"],
    ),
    "counts cut off": (
        lambda meta, masks: cut_counts(masks["9"][2]),
        ["mask_dict.json: key 9, frame 2: RLE counts are cut off"],
    ),
    "counts of no COCO character": (
        lambda meta, masks: masks["7"][0].update(counts="\x7f"),
        ["mask_dict.json: key 7, frame 0: RLE counts contain a character that is not COCO's"],
    ),
    "counts of another type": (
        lambda meta, masks: masks["7"][0].update(counts=45),
        [
            "mask_dict.json: key 7, frame 0: RLE counts: expected COCO's compressed string or a list of run lengths",
        ],
    ),
    "mask without size": (
        lambda meta, masks: masks["7"][1].pop("size"),
        ["mask_dict.json: key 7, frame 1: expected null or an RLE {'size': [height, width], 'counts': ...}"],
    ),
    "two bad masks in one object": (
        lambda meta, masks: (cut_counts(masks["7"][0]), masks["7"][1].update(size=[0, 8])),
        [
            "mask_dict.json: key 7, frame 0: RLE counts do not sum to the 6x8 pixels of the frame",
            "mask_dict.json: key 7, frame 1: RLE size: expected [height, width], got [0, 8]",
        ],
    ),
    "object nobody refers to": (
        lambda meta, masks: masks.update({"99": [None, {"size": [6, 8], "counts": "0"}]}),
        ["mask_dict.json: key 99, frame 1: RLE counts do not sum to the 6x8 pixels of the frame"],
    ),
    "object that is not a list": (
        lambda meta, masks: masks.update({"9": "masks"}),
        ["mask_dict.json: key 9: expected a list, got 'masks'"],
    ),
    "object of another video": (
        lambda meta, masks: cat(meta)["expressions"]["0"].update(anno_id=[7]),
        ["meta_expressions.json: video a_cat, expression 0: anno_id 7 belongs to video b_dogs"],
    ),
    "anno_id twice": (
        lambda meta, masks: cat(meta)["expressions"]["0"].update(anno_id=[9, 9]),
        ["meta_expressions.json: video a_cat, expression 0: duplicate anno_id '9'"],
    ),
    "anno_id missing": (
        lambda meta, masks: cat(meta)["expressions"]["0"].pop("anno_id"),
        ["meta_expressions.json: video a_cat, expression 0: missing key 'anno_id': a list of ids, empty for no target"],
    ),
    "no sentence": (
        lambda meta, masks: cat(meta)["expressions"]["0"].update(exp=" "),
        ["meta_expressions.json: video a_cat, expression 0: 'exp': expected a sentence, got ' '"],
    ),
    "no expressions": (
        lambda meta, masks: cat(meta).pop("expressions"),
        ["meta_expressions.json: video a_cat: missing key 'expressions'"],
    ),
    "frame twice": (
        lambda meta, masks: cat(meta).update(frames=["00000", "00001", "00000"]),
        ["meta_expressions.json: video a_cat: duplicate frame '00000'"],
    ),
    "frame name that leaves the folder": (
        lambda meta, masks: cat(meta)["frames"].__setitem__(2, "../../up"),
        ["meta_expressions.json: video a_cat: invalid frame name '../../up': it starts with a dot"],
    ),
    "sound file that leaves the folder": (
        lambda meta, masks: cat(meta)["expressions"]["0"].update(audio="/etc/passwd"),
        [
            "meta_expressions.json: video a_cat, expression 0, audio: "
            "invalid audio path '/etc/passwd': it is absolute or has an empty part"
        ],
    ),
    "sound file missing": (
        lambda meta, masks: cat(meta)["expressions"]["0"].update(audio="audio/0.wav"),
        ["audio/0.wav: sound file is missing; video a_cat, expression 0 names it"],
    ),
}


@pytest.mark.parametrize("kind", IN_DOCUMENTS)
def test_an_error_in_the_annotations_is_reported(tmp_path: Path, kind: str) -> None:
    plant, expected = IN_DOCUMENTS[kind]
    meta, masks = documents()
    plant(meta, masks)
    assert [str(error) for error in validate_split(write_split(tmp_path, meta, masks), "x").errors] == expected


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def link(path: Path) -> None:
    outside = path.parents[3] / "outside.jpg"
    path.rename(outside)
    path.symlink_to(outside)


FRAME = "JPEGImages/a_cat/00001.jpg"

IN_FRAMES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, f"{FRAME}: image is missing"),
    "cut off": (truncate, f"{FRAME}: frame is cut off"),
    "no image": (lambda path: path.write_text("text"), f"{FRAME}: not a JPEG or PNG image"),
    "another size": (
        lambda path: Image.new("RGB", (10, 6)).save(path),
        f"{FRAME}: frame is 10x6, the video is 8x6",
    ),
    "a link out of the folder": (
        link,
        "meta_expressions.json: video a_cat, frame 00001: "
        "frame path 'JPEGImages/a_cat/00001.jpg' leaves the folder through a link",
    ),
}


@pytest.mark.parametrize("kind", IN_FRAMES)
def test_an_error_in_a_frame_is_reported(tmp_path: Path, kind: str) -> None:
    plant, expected = IN_FRAMES[kind]
    root = write_split(tmp_path / "split", *documents())
    plant(root / FRAME)
    errors = validate_split(root, "x").errors
    assert len(errors) == 1
    assert str(errors[0]).startswith(expected)


def test_keys_that_are_there_twice_and_broken_json_are_named(tmp_path: Path) -> None:
    root = write_split(tmp_path, *documents())
    path = root / "mask_dict.json"
    path.write_text(path.read_text().replace('"8":', '"9":'))
    errors = [str(error) for error in validate_split(root, "x").errors]
    assert errors == [
        "mask_dict.json: key 9: duplicate key",
        "meta_expressions.json: video b_dogs, expression 1: anno_id 8 is not in mask_dict.json",
    ]
    path.write_text('{\n"7": [null, nul')
    errors = [str(error) for error in validate_split(root, "x").errors]
    assert errors == ["mask_dict.json: invalid JSON: Expecting value: line 2 column 13 (char 14)"]
    (root / "meta_expressions.json").write_text("{}")
    assert str(validate_split(root, "x").errors[0]) == "meta_expressions.json: missing key 'videos'"


def test_every_error_of_a_split_is_reported_at_once(tmp_path: Path) -> None:
    meta, masks = documents()
    masks["7"].pop()
    masks["9"][2] = square(1) | {"counts": "?"}
    root = write_split(tmp_path, meta, masks)
    (root / "JPEGImages/b_dogs/00000.jpg").unlink()
    errors = {str(error) for error in validate_split(root, "x").errors}
    assert errors == {
        "JPEGImages/b_dogs/00000.jpg: image is missing",
        "mask_dict.json: key 7: there are 2 masks, the video has 3 frames",
        "mask_dict.json: key 9, frame 2: RLE counts do not sum to the 6x8 pixels of the frame",
    }


@pytest.mark.shared
def test_real_footage_is_sound() -> None:
    report = validate_split(SHARED / "data/car_shadow", "x")
    assert (report.videos, report.frames, report.objects, report.single, report.no_target) == (1, 40, 1, 2, 1)
    assert report.errors == []


def test_every_sound_file_is_opened(tmp_path: Path) -> None:
    meta, masks = documents()
    folder = write_split(tmp_path, meta, masks)
    (folder / "audio").mkdir()
    meta["videos"]["a_cat"]["expressions"]["0"]["audio"] = "audio/0.wav"
    (folder / "meta_expressions.json").write_text(json.dumps(meta))
    soundfile.write(folder / "audio" / "0.wav", np.zeros(800), 8000)
    assert not validate_split(folder, "x").errors
    (folder / "audio" / "0.wav").write_bytes(b"not a sound file")
    (error,) = validate_split(folder, "x").errors
    assert str(error).startswith("audio/0.wav: sound file cannot be read: ")
    soundfile.write(folder / "audio" / "0.wav", np.zeros(0), 8000)
    (error,) = validate_split(folder, "x").errors
    assert str(error) == "audio/0.wav: sound file has no samples or is cut off"


def test_the_data_set_and_its_version_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"meta_expressions.json": "mevis_v1, version 1", "meta_expressions_v2.json": "mevis_v2, version 2"}
    for name, expected in names.items():
        folder = write_split(tmp_path / name / "valid_u", *documents(), meta_name=name)
        assert main(["data", "verify", str(folder)]) == 0
        assert f"{expected}: split valid_u" in capsys.readouterr().out
