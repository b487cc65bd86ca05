"""The gallery has every sample, opens from disk in a browser, and parses no text as HTML."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import IncomparableError
from mevis_bench.records.dataset import Dataset
from mevis_bench.reports import run_view
from mevis_bench.reports.failures import Failure
from mevis_bench.reports.gallery import build_gallery
from mevis_bench.reports.run_view import read_scored_run
from tests.fixtures.gallery import ATTACK

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def gallery(gallery_run: Path, gallery_split: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gallery")
    assert build_gallery(read_scored_run(gallery_run, gallery_split), out, compare_to=gallery_run) == len(
        gallery_split.expressions(gallery_split.video_ids[0])
    )
    return out


def samples_of(gallery: Path) -> list[dict[str, object]]:
    text = (gallery / "data" / "samples.js").read_text()
    samples = json.loads(text.removeprefix("window.GALLERY = ").rstrip().removesuffix(";"))["samples"]
    assert isinstance(samples, list)
    return samples


def test_every_sample_has_its_change_and_strip(gallery: Path, gallery_split: Dataset) -> None:
    samples = samples_of(gallery)
    assert {sample["change"] for sample in samples} == {0.0}
    assert {sample["error"] for sample in samples} <= {failure.value for failure in Failure}
    (video_id,) = gallery_split.video_ids
    for sample, ground_truth in zip(samples, gallery_split.ground_truths(video_id), strict=True):
        assert sample["sample"] == ground_truth.sample
        strip = sample["strip"]
        assert isinstance(strip, list)
        assert len(strip) == ground_truth.length


def test_scores_and_predictions_are_opened_once_per_run(
    gallery_run: Path, gallery_split: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("read_scores", "open_predictions"):
        original = getattr(run_view, name)

        def record(path: Path, name: str = name, original: object = original) -> object:
            calls.append(name)
            return original(path)  # type: ignore[operator]

        monkeypatch.setattr(run_view, name, record)
    view = run_view.RunView(read_scored_run(gallery_run, gallery_split))
    (video_id,) = gallery_split.video_ids
    samples = [[sample.score.sample for sample in view.video(video_id)] for _ in range(2)]
    assert samples[0] == samples[1] == [ground_truth.sample for ground_truth in gallery_split.ground_truths(video_id)]
    assert list(view.video("unscored")) == []
    assert calls == ["read_scores", "open_predictions"]


def test_nothing_refers_to_another_host(gallery: Path) -> None:
    for path in gallery.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text
            assert "https://" not in text


def test_no_text_can_end_its_script(gallery: Path) -> None:
    assert ATTACK in {sample["text"] for sample in samples_of(gallery)}
    assert "</script>" not in (gallery / "data" / "samples.js").read_text()
    assert ATTACK not in (gallery / "index.html").read_text()


def test_another_split_is_an_error(gallery_run: Path, tmp_path: Path) -> None:
    other = open_dataset(make_mini("tiny", 1, 4, tmp_path / "data"), "tiny")
    with pytest.raises(IncomparableError, match="scored on other annotation files than split 'tiny'"):
        read_scored_run(gallery_run, other)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_worst_sample_and_runs_no_injected_code(gallery: Path, tmp_path: Path) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command = [str(CHROMIUM), *flags, "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path}"]
    page = (gallery / "index.html").as_uri()
    done = subprocess.run(
        [*command, "--virtual-time-budget=3000", "--dump-dom", page], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.count("<li>") + done.stdout.count("<li class=") == len(samples_of(gallery))
    assert 'class="selected"' in done.stdout
    assert "<title>external predictions on tiny</title>" in done.stdout
    assert "&lt;img src=x" in done.stdout


def test_the_former_name_of_compare_to_is_deprecated(
    gallery_run: Path, gallery_split: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["gallery", str(gallery_run), "--data", str(gallery_split.root), "--split", "tiny", "--out", str(tmp_path)]
    assert main([*words, "--against", str(gallery_run)]) == 0
    assert capsys.readouterr().err == "--against is deprecated and will be removed: use --compare-to.\n"
    assert {sample["change"] for sample in samples_of(tmp_path)} == {0.0}
