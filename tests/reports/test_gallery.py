"""The gallery holds every sample, opens from disk in a browser, and reads no text as HTML."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.data.mevis.split import Split, open_split
from mevis_bench.data.synthetic import make_mini
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.records import MaskPrediction, UsageError
from mevis_bench.reports.gallery import build_gallery
from mevis_bench.runs.score import score_run
from tests.mevis_folder import write_predictions

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "<img src=x onerror=document.title='owned'></script>"


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    root = make_mini("tiny", 1, 3, tmp_path_factory.mktemp("data"))
    meta = json.loads((root / "meta_expressions.json").read_text())
    (video,) = meta["videos"].values()
    video["expressions"]["0"]["exp"] = EVIL
    (root / "meta_expressions.json").write_text(json.dumps(meta))
    return open_split(root, "tiny")


@pytest.fixture(scope="module")
def run(split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that answers the truth, shifted by a few pixels, and leaves every third sample empty."""
    folder = tmp_path_factory.mktemp("run")
    (video_id,) = split.video_ids
    answers = {}
    for index, ground_truth in enumerate(split.ground_truths(video_id)):
        masks = np.zeros((ground_truth.length, ground_truth.height, ground_truth.width), np.bool_)
        for rles in ground_truth.objects:
            masks |= rows_from_rle(rles, ground_truth.height, ground_truth.width, location="truth").to_dense()
        masks = np.roll(masks, 2, axis=2) & (index % 3 != 2)
        answers[ground_truth.expression.id] = MaskPrediction(masks, target_score=0.5)
    write_predictions(folder, video_id, answers)
    score_run(folder, data=split.root, split="tiny", task="rvos")
    return folder


@pytest.fixture(scope="module")
def gallery(run: Path, split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gallery")
    assert build_gallery(run, split, out, against=run) == len(split.expressions(split.video_ids[0]))
    return out


def samples_of(gallery: Path) -> list[dict[str, object]]:
    text = (gallery / "data" / "samples.js").read_text()
    samples = json.loads(text.removeprefix("window.GALLERY = ").rstrip().removesuffix(";"))["samples"]
    assert isinstance(samples, list)
    return samples


def test_every_sample_is_there_with_its_change_and_strip(gallery: Path, split: Split) -> None:
    samples = samples_of(gallery)
    assert {sample["change"] for sample in samples} == {0.0}
    (video_id,) = split.video_ids
    for sample, ground_truth in zip(samples, split.ground_truths(video_id), strict=True):
        assert sample["sample"] == ground_truth.sample
        strip = sample["strip"]
        assert isinstance(strip, list)
        assert len(strip) == ground_truth.length


def test_nothing_refers_to_another_host(gallery: Path) -> None:
    for path in gallery.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text
            assert "https://" not in text


def test_no_text_can_end_its_script(gallery: Path) -> None:
    assert EVIL in {sample["text"] for sample in samples_of(gallery)}
    assert "</script>" not in (gallery / "data" / "samples.js").read_text()
    assert EVIL not in (gallery / "index.html").read_text()


def test_another_split_is_refused(run: Path, tmp_path: Path) -> None:
    other = open_split(make_mini("tiny", 1, 4, tmp_path / "data"), "tiny")
    with pytest.raises(UsageError, match="scored on other annotation files than split 'tiny'"):
        build_gallery(run, other, tmp_path / "out")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_worst_sample_and_runs_nothing_foreign(gallery: Path, tmp_path: Path) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command = [str(CHROMIUM), *flags, "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path}"]
    page = (gallery / "index.html").as_uri()
    done = subprocess.run(
        [*command, "--virtual-time-budget=3000", "--dump-dom", page], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.count("<li>") + done.stdout.count("<li class=") == len(samples_of(gallery))
    assert 'class="chosen"' in done.stdout
    assert "<title>foreign predictions on tiny</title>" in done.stdout
    assert "&lt;img src=x" in done.stdout
