"""Gallery writer: one folder of static HTML that opens from disk, without a server or network."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mevis_bench.files.atomic import atomic_write
from mevis_bench.masks import MaskRows
from mevis_bench.records import TrackPrediction, Video
from mevis_bench.records.dataset import Dataset
from mevis_bench.reports.escaping import plain
from mevis_bench.reports.failures import ErrorAnalysis, count_failures, no_target_curve
from mevis_bench.reports.pages import PAGE_FILES, make_folder, render, write_data, write_files
from mevis_bench.reports.run_view import RunView, ScoredRun
from mevis_bench.reports.sample_view import Caption, Masks, SampleView, Tracks
from mevis_bench.reports.table import build_table
from mevis_bench.tasks import find_task

MAX_WIDTH = 400
"""Largest width of displayed frames and masks, in pixels; scores are computed at full size."""

HISTOGRAM_BINS = 10


class GallerySummary:
    """Contents of the page about all samples; no mask is kept.

    Attributes:
        samples: What the page has of every sample.
        ids: Their ids.
        scores: The score that each is ranked by, 0..1.
        analyses: Their error types.
        target_scores: The method's confidence that there is a target, and whether there is one, where it gives any.
    """

    def __init__(self) -> None:
        self.samples: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.scores: list[float] = []
        self.analyses: list[ErrorAnalysis] = []
        self.target_scores: list[tuple[float, bool]] = []

    def add(self, view: SampleView, sample: dict[str, Any]) -> None:
        """Add one sample."""
        self.samples.append(sample)
        self.ids.append(view.row.sample)
        self.scores.append(view.score)
        self.analyses.append(view.analysis)
        if isinstance(view.content, Masks) and view.content.target_score is not None:
            self.target_scores.append((view.content.target_score, bool(view.expression.annotation_ids)))

    def plots(self) -> dict[str, object]:
        """Return the values of the plots in ``error_plots.html.jinja``."""
        losses = [
            (each.failure.value, each.cost, f"{100 * each.cost:.1f}  ({each.samples})")
            for each in count_failures(self.analyses)
        ]
        bins = [min(int(score * HISTOGRAM_BINS), HISTOGRAM_BINS - 1) for score in self.scores]
        return {
            "losses": losses,
            "histogram": [bins.count(index) for index in range(HISTOGRAM_BINS)],
            "curve": [(t_acc, n_acc) for _, n_acc, t_acc in no_target_curve(self.target_scores)],
        }


def build_gallery(
    scored: ScoredRun, out: Path, *, compare_to: ScoredRun | None = None, home: str | None = None
) -> GallerySummary:
    """Write the gallery of one scored run and return what it says of its samples.

    Args:
        scored: A scored run of any task.
        out: Folder to write; created if missing.
        compare_to: A run of the same task and split that is shown beside it.
        home: Address of the page that lists the galleries; ``None``: there is none.

    Raises:
        DataError: A prediction cannot be read, or a sample has no score.
    """
    make_folder(out)
    make_folder(out / "data")
    view, other = RunView(scored), None if compare_to is None else RunView(compare_to)
    summary = GallerySummary()
    for number, video_id in enumerate(scored.dataset.video_ids):
        views = list(view.video(video_id))
        if not views:
            continue
        others = {} if other is None else {each.row.sample: each for each in other.video(video_id)}
        video = _video(scored.dataset.video(video_id), views, others)
        write_data(out / "data" / f"video_{number}.js", f"VIDEO({number}, ", video, ")")
        for each in views:
            index = len(summary.samples)
            audio = _copy_audio(scored.dataset, video_id, each, out, index) if view.task == "avos" else None
            sample = _sample(each, others.get(each.row.sample), view.task)
            summary.add(each, {**sample, "video": number, "index": index, "audio": audio})
    names = {
        "score": find_task(view.task).sample_title,
        "label": plain(scored.results.label),
        "other": None if compare_to is None else plain(_other_label(scored, compare_to)),
    }
    write_data(out / "data" / "samples.js", "GALLERY = ", {**names, "samples": summary.samples})
    write_files(out, *PAGE_FILES, "gallery.css", "gallery.js")
    atomic_write(out / "index.html", _page(scored, summary, home))
    return summary


def _other_label(scored: ScoredRun, other: ScoredRun) -> str:
    """Return the label of the second run; its folder tells it apart where both have the same."""
    label = other.results.label
    return label if label != scored.results.label else f"{label} ({other.path.name})"


def _sample(view: SampleView, other: SampleView | None, task: str) -> dict[str, Any]:
    content, record = view.content, find_task(task)
    shown = (*record.sample_details, *(name for name in view.row.values if record.named_metric(name) is not None))
    return {
        "sample": plain(view.row.sample),
        "text": plain(view.expression.text),
        "score": view.score,
        "values": [(name, view.row.values[name]) for name in shown if view.row.values.get(name) is not None],
        "change": None if other is None else view.score - other.score,
        "error": view.analysis.failure.value,
        "detail": plain(view.analysis.detail),
        "groups": [plain(group) for group in view.row.groups],
        "strip": None if isinstance(content, Caption) else [round(float(value), 3) for value in content.by_frame],
        "caption": _caption(content, other) if isinstance(content, Caption) else None,
    }


def _caption(content: Caption, other: SampleView | None) -> dict[str, Any]:
    second = other.content.text if other is not None and isinstance(other.content, Caption) else None
    return {
        "text": plain(content.text),
        "other": None if second is None else plain(second),
        "references": [plain(text) for text in content.references],
    }


def _video(video: Video, views: Sequence[SampleView], others: Mapping[str, SampleView]) -> dict[str, Any]:
    from PIL import Image

    width = min(MAX_WIDTH, video.width)
    height = max(1, round(video.height * width / video.width))
    frames = []
    for pixels in video.frames():
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=80)
        frames.append("data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"))
    size = _Size(video, height, width)
    samples = {}
    for view in views:
        layers: dict[str, Any] = {"truth": size.layer(view.content.ground_truth)}
        if isinstance(view.content, Caption):
            layers["found"] = {plain(name): size.layer(masks) for name, masks in view.content.found.items()}
        else:
            layers["prediction"] = size.layer(view.content.prediction)
            other = others.get(view.row.sample)
            if other is not None and isinstance(other.content, Masks | Tracks):
                layers["other"] = size.layer(other.content.prediction)
        samples[plain(view.row.sample)] = layers
    return {"width": width, "height": height, "frames": frames, "samples": samples}


class _Size:
    """The displayed size of a video, and masks and boxes in it."""

    def __init__(self, video: Video, height: int, width: int) -> None:
        self._length = len(video)
        self._rows = (np.arange(height) * video.height) // height
        self._columns = (np.arange(width) * video.width) // width
        self._scale = np.array([width / video.width, height / video.height] * 2)

    def layer(self, content: MaskRows | TrackPrediction) -> dict[str, Any]:
        """Return masks or boxes of every frame."""
        return {"masks": self._masks(content)} if isinstance(content, MaskRows) else {"boxes": self._boxes(content)}

    def _masks(self, masks: MaskRows) -> list[str | None]:
        """Return the masks as compressed COCO counts, resized to the nearest pixel; ``None`` where one is empty."""
        from pycocotools import mask as coco

        small = masks.to_dense()[:, self._rows][:, :, self._columns]
        return [
            coco.encode(np.asfortranarray(frame, dtype=np.uint8))["counts"].decode("ascii") if frame.any() else None
            for frame in small
        ]

    def _boxes(self, tracks: TrackPrediction) -> list[list[list[float]]]:
        """Return ``[identity, x0, y0, x1, y1]`` of every box by frame; identities are numbered from 1."""
        numbers = {identity: index for index, identity in enumerate(sorted(set(tracks.ids.tolist())), 1)}
        frames: list[list[list[float]]] = [[] for _ in range(self._length)]
        boxes = np.round(tracks.boxes * self._scale, 1).tolist()
        for frame, identity, box in zip(tracks.frames.tolist(), tracks.ids.tolist(), boxes, strict=True):
            if frame < self._length:
                frames[frame].append([numbers[identity], *box])
        return frames


def _copy_audio(split: Dataset, video_id: str, view: SampleView, out: Path, index: int) -> str | None:
    source = split.audio(video_id, view.expression.id)
    if source is None:
        return None
    make_folder(out / "audio")
    name = f"audio/{index}{source.suffix}"
    atomic_write(out / name, source.read_bytes(), durable=False)
    return name


def _page(scored: ScoredRun, summary: GallerySummary, home: str | None) -> str:
    results = scored.results
    other = "" if scored.predicted_on is None else f", predicted on {scored.predicted_on}"
    return render(
        "gallery.html.jinja",
        root="",
        inline_styles=False,
        home=home,
        title=f"{results.label} on {results.split}",
        subtitle=f"{results.task.upper()}, protocol {results.protocol}, {len(summary.samples)} samples{other}",
        score=find_task(results.task).sample_title,
        table=build_table(results.task, [results], [scored.scores]),
        slices=results.slices,
        plots=summary.plots(),
    )
