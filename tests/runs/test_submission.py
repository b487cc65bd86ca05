"""A packed run is what the server takes; every known way to get a zip wrong is explained."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mevis_bench.cli.app import main
from mevis_bench.data.mevis.dataset import MINI
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.files.tree import Folder
from mevis_bench.records import DataError, MaskPrediction
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.submission import check, pack, read_profile
from mevis_bench.store.formats.run_folder_lines import RunPredictions
from mevis_bench.store.prediction_lines import StoredMasks, decode_masks
from tests.fixtures.drawn_split import write_predictions
from tests.fixtures.split_documents import HEIGHT, WIDTH, documents, write_split

PROFILE = read_profile("mevis_v2", MINI)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(make_mini("tiny", 1, 3, tmp_path_factory.mktemp("data")), "tiny")


@pytest.fixture(scope="module")
def run(split: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    random = np.random.default_rng(0)
    for video_id in split.video_ids:
        video = split.video(video_id)
        shape = (len(video), video.height, video.width)
        answers = {one.id: MaskPrediction(random.random(shape) < 0.01) for one in split.expressions(video_id)}
        write_predictions(folder, video_id, answers)
    return folder


@pytest.fixture(scope="module")
def packed(run: Path, split: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("zip") / "submission.zip"
    pack(run, split, PROFILE, out)
    return out


def test_a_packed_run_is_valid(packed: Path, split: Dataset) -> None:
    assert check(packed, split, PROFILE) == ()


def test_packing_again_gives_the_same_bytes(run: Path, split: Dataset, packed: Path, tmp_path: Path) -> None:
    digest = pack(run, split, PROFILE, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    manifest = json.loads((tmp_path / "again.zip.manifest.json").read_text())
    assert manifest["sha256"] == digest
    assert manifest["expressions"] == len(split.expressions(split.video_ids[0]))


def test_masks_are_one_bit_and_survive(run: Path, split: Dataset, packed: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        name = archive.namelist()[0]
        image = Image.open(io.BytesIO(archive.read(name)))
        assert image.mode == "1"
        pixels = np.asarray(image)
    video_id, expression_id, _ = name.split("/")
    stored, _ = RunPredictions(Folder(run / "predictions")).stored(video_id, expression_id)
    assert isinstance(stored, StoredMasks)
    assert (decode_masks(stored).masks[0] == pixels).all()


def rewritten(packed: Path, out: Path, change: Callable[[str, bytes], list[tuple[str, bytes]]]) -> Path:
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            for new_name, content in change(name, source.read(name)):
                target.writestr(new_name, content)
    return out


def png(pixels: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


FIRST = "/00000.png"
ERRORS: dict[str, tuple[Callable[[str, bytes], list[tuple[str, bytes]]], str]] = {
    "wrapper": (lambda name, content: [(f"valid/{name}", content)], "everything is in the folder 'valid'"),
    "missing": (
        lambda name, content: [] if name.endswith(FIRST) else [(name, content)],
        "1 frames are missing, the first is 00000.png",
    ),
    "extra": (
        lambda name, content: [(name, content)] + ([("notes.txt", b"x")] if name.endswith("/0" + FIRST) else []),
        "'notes.txt' is not part of the split",
    ),
    "beyond ASCII": (
        lambda name, content: [(name, content)] + ([("été.txt", b"x")] if name.endswith("/0" + FIRST) else []),
        "'été.txt' is not part of the split",
    ),
    "escaping": (
        lambda name, content: [(name, content)] + ([("../evil.png", b"x")] if name.endswith("/0" + FIRST) else []),
        "'../evil.png' points outside the zip",
    ),
    "size": (lambda name, content: [(name, png(np.zeros((4, 5), bool)))], "is 5x4, the video is 256x144"),
    "color": (lambda name, content: [(name, png(np.zeros((144, 256, 3), np.uint8)))], "has mode RGB; one channel"),
    "values": (lambda name, content: [(name, png(np.ones((144, 256), np.uint8)))], "holds the values 1; 0 and 255"),
    "format": (lambda name, content: [(name, png(np.zeros((144, 256), np.uint8), "BMP"))], "not a PNG image"),
    "cut off": (lambda name, content: [(name, content[: len(content) // 2])], "image cannot be read"),
    "bomb": (lambda name, content: [(name, content + bytes(10**6))], "too large for a mask"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_explained(packed: Path, split: Dataset, tmp_path: Path, kind: str) -> None:
    change, words = ERRORS[kind]
    errors = check(rewritten(packed, tmp_path / "bad.zip", change), split, PROFILE)
    assert 1 <= len(errors) <= 10
    assert words in errors[0]


def test_names_beyond_ascii_are_those_of_the_split_or_errors(tmp_path: Path) -> None:
    meta, masks = documents()
    meta["videos"] = {"chien_été": meta["videos"]["a_cat"]}
    root = write_split(tmp_path / "named", meta, masks)
    (root / "JPEGImages/a_cat").rename(root / "JPEGImages/chien_été")
    split = open_dataset(root, "named")
    write_predictions(tmp_path / "run", "chien_été", {"0": MaskPrediction(np.zeros((3, HEIGHT, WIDTH), bool))})
    pack(tmp_path / "run", split, PROFILE, tmp_path / "good.zip")
    assert check(tmp_path / "good.zip", split, PROFILE) == ()

    unmarked = (tmp_path / "good.zip").read_bytes().replace("été".encode(), "été".encode("latin-1") + b"__")
    # The flags are two bytes: 6 after the signature of a member, 8 after that of its directory entry.
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        parts = unmarked.split(signature)
        unmarked = signature.join(
            [parts[0], *(part[: offset - 4] + b"\0\0" + part[offset - 2 :] for part in parts[1:])]
        )
    (tmp_path / "unmarked.zip").write_bytes(unmarked)
    (error,) = check(tmp_path / "unmarked.zip", split, PROFILE)
    assert error.startswith("3 names are beyond ASCII and not marked as UTF-8, for instance")
    assert "python -m zipfile -c" in error


def test_a_large_zip_is_named(packed: Path, split: Dataset) -> None:
    from dataclasses import replace

    assert "the server takes 0 MB" in check(packed, split, replace(PROFILE, max_bytes=10))[0]


def test_something_else_is_no_zip(split: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"x\.zip: not a zip file"):
        check(path, split, PROFILE)


def test_a_missing_prediction_is_named_and_leaves_no_zip(split: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        pack(tmp_path, split, PROFILE, tmp_path / "s.zip")
    assert str(caught.value) == (
        f"{tmp_path}: sample {split.video_ids[0]}/0 has no prediction\n"
        "A server wants every sample: finish the run by its own command (--retry-failed where samples failed)."
    )
    assert list(tmp_path.iterdir()) == []


def test_commands(run: Path, split: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "s.zip")
    data = ["--data", str(split.root), "--split", "tiny"]
    assert main(["submit", "pack", str(run), "--out", out, *data]) == 0
    assert "Codabench competition 11420" in capsys.readouterr().out
    assert main(["submit", "check", out, *data]) == 0
    bad = rewritten(Path(out), tmp_path / "bad.zip", ERRORS["wrapper"][0])
    assert main(["submit", "check", str(bad), *data]) == 1
    assert "the video folders must be at the zip's root" in capsys.readouterr().err
    assert main(["submit", "pack", str(run), "--profile", "mevis_v3", *data]) == 2
    assert "Did you mean" in capsys.readouterr().err
