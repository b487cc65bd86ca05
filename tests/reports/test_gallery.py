"""The gallery has every sample of every task, opens from disk, and parses no text as HTML."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import DataError, IncomparableError
from mevis_bench.records.dataset import Dataset
from mevis_bench.reports import run_view
from mevis_bench.reports.failures import Failure
from mevis_bench.reports.gallery import build_gallery
from mevis_bench.reports.run_view import RunView, read_scored_run
from mevis_bench.store.score_files import read_scores
from tests.fixtures.gallery import ATTACK


def build(run: Path, split: Dataset, out: Path, compare_to: Path | None = None) -> Path:
    other = None if compare_to is None else read_scored_run(compare_to, split)
    summary = build_gallery(read_scored_run(run, split), out, compare_to=other)
    assert len(summary.samples) == len(read_scores(run))
    return out


@pytest.fixture(scope="module")
def gallery(gallery_run: Path, gallery_split: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(gallery_run, gallery_split, tmp_path_factory.mktemp("gallery"), gallery_run)


@pytest.fixture(scope="module")
def track_gallery(track_run: Path, gallery_split: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(track_run, gallery_split, tmp_path_factory.mktemp("tracks"))


@pytest.fixture(scope="module")
def caption_gallery(caption_run: Path, gallery_split: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(caption_run, gallery_split, tmp_path_factory.mktemp("captions"), caption_run)


def data_of(path: Path, before: str, after: str = ";") -> dict:
    return json.loads(path.read_text().removeprefix(f"window.{before}").rstrip().removesuffix(after))


def samples_of(gallery: Path) -> list[dict]:
    return data_of(gallery / "data" / "samples.js", "GALLERY = ")["samples"]


def video_of(gallery: Path) -> dict:
    return data_of(gallery / "data" / "video_0.js", "VIDEO(0, ", ");")


def test_every_sample_has_its_change_strip_and_masks_of_both_runs(gallery: Path, gallery_split: Dataset) -> None:
    samples, video = samples_of(gallery), video_of(gallery)
    assert {sample["change"] for sample in samples} == {0.0}
    assert {sample["error"] for sample in samples} <= {failure.value for failure in Failure}
    (video_id,) = gallery_split.video_ids
    for sample, ground_truth in zip(samples, gallery_split.ground_truths(video_id), strict=True):
        assert sample["sample"] == ground_truth.sample
        assert len(sample["strip"]) == ground_truth.length
        layers = video["samples"][ground_truth.sample]
        assert layers["other"] == layers["prediction"]
        assert any(layers["truth"]["masks"]) == bool(ground_truth.objects)


def test_boxes_are_shown_with_identities_in_the_pixels_of_the_page(
    track_gallery: Path, gallery_split: Dataset, track_run: Path
) -> None:
    video = video_of(track_gallery)
    (video_id,) = gallery_split.video_ids
    for view in RunView(read_scored_run(track_run, gallery_split)).video(video_id):
        tracks = view.content.prediction
        scale = video["width"] / gallery_split.video(video_id).width
        shown = video["samples"][view.row.sample]["prediction"]["boxes"]
        assert sum(map(len, shown)) == len(tracks.frames)
        assert {box[0] for frame in shown for box in frame} == set(range(1, len(set(tracks.ids.tolist())) + 1))
        for frame, box in zip(tracks.frames, tracks.boxes, strict=True):
            assert any(one[1:] == pytest.approx(box * scale, abs=0.051) for one in shown[frame])


def test_sentences_stand_beside_their_references(caption_gallery: Path, gallery_split: Dataset) -> None:
    (video_id,) = gallery_split.video_ids
    samples = {sample["sample"]: sample for sample in samples_of(caption_gallery)}
    truths = [truth for truth in gallery_split.ground_truths(video_id) if truth.objects]
    assert len(samples) == len(truths)
    for truth in truths:
        caption = samples[truth.sample]["caption"]
        assert caption["references"] == list(truth.references)
        assert caption["other"] == caption["text"]
    errors = [samples[truth.sample]["error"] for truth in truths]
    assert errors[0] == "far from all references"
    assert errors[1] == "repeated sentence"
    assert errors[-1] == "no sentence"


def test_predictions_outside_of_the_scored_folder_are_named(
    gallery_run: Path, gallery_split: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zipped = Path(shutil.make_archive(str(tmp_path / "p"), "zip", gallery_run / "predictions"))
    data = ["--data", str(gallery_split.root), "--split", "tiny"]
    scores = tmp_path / "scores"
    assert main(["score", str(zipped), *data, "--out", str(scores)]) == 0
    assert main(["gallery", str(scores), *data]) == 2
    assert main(["gallery", str(scores), *data, "--predictions", str(zipped)]) == 0
    assert main(["failures", str(scores), *data, "--predictions", str(zipped), "--json"]) == 0
    assert len(samples_of(scores / "gallery")) == len(read_scores(gallery_run))


def test_a_prediction_that_counted_as_zero_is_shown_as_empty(
    gallery_run: Path, gallery_split: Dataset, tmp_path: Path
) -> None:
    (video_id,) = gallery_split.video_ids
    lines = (gallery_run / "predictions" / f"{video_id}.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / f"{video_id}.jsonl").write_text("".join(lines[1:]))
    data = ["--data", str(gallery_split.root), "--split", "tiny"]
    assert main(["score", str(tmp_path), *data, "--missing", "zero"]) == 0
    build(tmp_path, gallery_split, tmp_path / "gallery")
    first = samples_of(tmp_path / "gallery")[0]
    layers = video_of(tmp_path / "gallery")["samples"][first["sample"]]
    assert first["score"] == 0.0
    assert set(layers["prediction"]["masks"]) == {None}


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
    samples = [[sample.row.sample for sample in view.video(video_id)] for _ in range(2)]
    assert samples[0] == samples[1] == [ground_truth.sample for ground_truth in gallery_split.ground_truths(video_id)]
    assert list(view.video("unscored")) == []
    assert calls == ["read_scores", "open_predictions"]


def test_nothing_refers_to_another_host(gallery: Path, track_gallery: Path, caption_gallery: Path) -> None:
    for folder in (gallery, track_gallery, caption_gallery):
        for path in folder.rglob("*"):
            if path.suffix in (".html", ".css", ".js"):
                text = path.read_text()
                assert not re.search(r"https?:|[\"'(]//", text)


def test_no_text_can_end_its_script(gallery: Path, caption_gallery: Path) -> None:
    assert ATTACK in {sample["text"] for sample in samples_of(gallery)}
    assert ATTACK in {sample["caption"]["text"] for sample in samples_of(caption_gallery)}
    for folder in (gallery, caption_gallery):
        for path in (folder / "data").iterdir():
            assert "<" not in path.read_text()
        assert ATTACK not in (folder / "index.html").read_text()


class Structure(HTMLParser):
    """Collects what a person without a mouse or a screen needs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.unlabelled: list[str] = []
        self.handlers: list[str] = []
        self.headings: list[int] = []
        self.policy, self.language = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.handlers += [name for name in values if name.startswith("on") or name == "style"]
        if tag in ("input", "select", "audio", "svg", "nav") and not values.get("aria-label"):
            self.unlabelled.append(tag)
        if tag == "html":
            self.language = values.get("lang") or ""
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def test_the_page_is_labelled_and_runs_only_its_own_scripts(
    gallery: Path, track_gallery: Path, caption_gallery: Path
) -> None:
    for folder in (gallery, track_gallery, caption_gallery):
        page = Structure((folder / "index.html").read_text())
        assert page.language == "en"
        assert page.unlabelled == []
        assert page.handlers == []
        assert len(page.ids) == len(set(page.ids))
        assert page.headings[0] == 1
        assert all(second - first <= 1 for first, second in zip(page.headings, page.headings[1:], strict=False))
        assert page.policy.startswith("default-src 'none'; script-src 'self' file:; style-src 'self' file:;")
        assert "unsafe" not in page.policy


def test_another_split_or_task_is_an_error(
    gallery_run: Path, track_run: Path, gallery_split: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = open_dataset(make_mini("tiny", 1, 4, tmp_path / "data"), "tiny")
    with pytest.raises(IncomparableError, match="scored on other annotation files than split 'tiny'"):
        read_scored_run(gallery_run, other)
    data = ["--data", str(gallery_split.root), "--split", "tiny", "--out", str(tmp_path)]
    assert main(["gallery", str(gallery_run), *data, "--compare-to", str(track_run)]) == 4
    assert "is of task rvos" in capsys.readouterr().err


def test_predictions_of_another_task_are_an_error(gallery_run: Path, track_run: Path, gallery_split: Dataset) -> None:
    view = RunView(read_scored_run(gallery_run, gallery_split, track_run))
    with pytest.raises(DataError, match="rvos is scored from masks or points, got tracks"):
        list(view.video(gallery_split.video_ids[0]))


def test_the_former_name_of_compare_to_is_deprecated(
    gallery_run: Path, gallery_split: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["gallery", str(gallery_run), "--data", str(gallery_split.root), "--split", "tiny", "--out", str(tmp_path)]
    assert main([*words, "--against", str(gallery_run)]) == 0
    assert capsys.readouterr().err == "--against is deprecated and will be removed: use --compare-to.\n"
    assert {sample["change"] for sample in samples_of(tmp_path)} == {0.0}
