"""Gallery writer: one folder of static HTML that opens from disk, without a server or network."""

import base64
import io
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from mevis_bench.files.atomic import atomic_write
from mevis_bench.masks import MaskRows
from mevis_bench.records import UsageError, Video
from mevis_bench.records.dataset import Dataset
from mevis_bench.reports.escaping import html_text
from mevis_bench.reports.failures import count_failures, no_target_curve
from mevis_bench.reports.gallery.plots import bars, curve, figure, histogram
from mevis_bench.reports.render import to_html
from mevis_bench.reports.run_view import RunView, SampleView, ScoredRun, jf
from mevis_bench.reports.table import build_table
from mevis_bench.schemas.scores import Results
from mevis_bench.store.score_files import read_scores

MAX_WIDTH = 400
"""Largest width of displayed frames and masks, in pixels; scores are computed at full size."""


def build_gallery(scored: ScoredRun, out: Path, *, compare_to: Path | None = None) -> int:
    """Write the gallery of one scored run and return the number of samples in it.

    Args:
        scored: A scored run of RVOS or AVOS.
        out: Folder to write; created if missing.
        compare_to: A reference run; samples show their change in J&F from it.

    Raises:
        DataError: The run has no mask predictions.
    """
    split = scored.dataset
    before = {} if compare_to is None else {score.sample: jf(score) for score in read_scores(compare_to)}
    for folder in (out, out / "data", out / "audio"):
        if folder.is_symlink():
            raise UsageError("is a link to a folder", location=str(folder), hint="Give another folder with --out.")
    (out / "data").mkdir(parents=True, exist_ok=True)
    run_view = RunView(scored)
    views: list[SampleView] = []
    samples: list[dict[str, Any]] = []
    for number, video_id in enumerate(split.video_ids):
        video_views = list(run_view.video(video_id))
        if not video_views:
            continue
        video = _video(split.video(video_id), video_views)
        _write_script(out / "data" / f"video_{number}.js", f"VIDEO({number}, ", video, ");")
        for view in video_views:
            audio = _copy_audio(split, video_id, view, out, len(samples))
            samples.append(_sample(view, number, len(samples), audio, before))
        views += video_views
    _write_script(out / "data" / "samples.js", "GALLERY = ", {"samples": samples}, ";")
    for name in ("gallery.css", "gallery.js"):
        atomic_write(out / name, files(__package__).joinpath(name).read_bytes())
    atomic_write(out / "index.html", _page(scored, views))
    return len(samples)


def _write_script(path: Path, before: str, value: object, after: str) -> None:
    """Write data as a script, because pages opened from disk cannot fetch; ``<`` is escaped, so no text ends it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    atomic_write(path, f"window.{before}{text}{after}\n", durable=False)


def _sample(view: SampleView, video: int, index: int, audio: str | None, before: dict[str, float]) -> dict[str, Any]:
    score, analysis = jf(view.score), view.analysis
    return {
        "sample": view.score.sample,
        "video": video,
        "index": index,
        "text": view.expression.text,
        "audio": audio,
        "score": score,
        "values": {name: view.score.values[name] for name in ("J", "F")},
        "change": score - before[view.score.sample] if view.score.sample in before else None,
        "error": analysis.failure.value,
        "detail": analysis.detail,
        "cost": analysis.cost,
        "groups": list(view.score.groups),
        "strip": [round(float(value), 3) for value in view.j],
    }


def _video(video: Video, views: Sequence[SampleView]) -> dict[str, Any]:
    from PIL import Image

    width = min(MAX_WIDTH, video.width)
    height = max(1, round(video.height * width / video.width))
    frames = []
    for pixels in video.frames():
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=80)
        frames.append("data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"))
    masks = {
        view.score.sample: {
            "groundTruth": _small_masks(view.ground_truth, height, width),
            "prediction": _small_masks(view.prediction, height, width),
        }
        for view in views
    }
    return {"width": width, "height": height, "frames": frames, "masks": masks}


def _small_masks(masks: MaskRows, height: int, width: int) -> list[str | None]:
    """Resize masks (nearest neighbor) and encode them as compressed COCO counts; ``None`` where a frame is empty."""
    from pycocotools import mask as coco

    rows = (np.arange(height) * masks.height) // height
    columns = (np.arange(width) * masks.width) // width
    small = masks.to_dense()[:, rows][:, :, columns]
    return [
        coco.encode(np.asfortranarray(frame, dtype=np.uint8))["counts"].decode("ascii") if frame.any() else None
        for frame in small
    ]


def _copy_audio(split: Dataset, video_id: str, view: SampleView, out: Path, index: int) -> str | None:
    source = split.audio(video_id, view.expression.id)
    if source is None:
        return None
    (out / "audio").mkdir(exist_ok=True)
    name = f"audio/{index}{source.suffix}"
    atomic_write(out / name, source.read_bytes(), durable=False)
    return name


def _page(scored: ScoredRun, views: Sequence[SampleView]) -> str:
    results = scored.results
    other = "" if scored.predicted_on is None else f", predicted on {scored.predicted_on}"
    page = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=html_text(f"{results.label} on {results.split}"),
        subtitle=html_text(f"{results.task.upper()}, protocol {results.protocol}, {len(views)} samples{other}"),
        table=to_html(build_table(results.task, [results])),
        slices=_slices(results),
        plots=_plots(views),
    )


def _slices(results: Results) -> str:
    columns = build_table(results.task, [results]).columns
    head = "".join(f"<th>{html_text(column.name)}</th>" for column in columns)
    rows = []
    for label, values in results.slices.items():
        count = int(values["count"] or 0)
        if count == 0:
            continue
        cells = "".join(f"<td>{column.format(values.get(column.name))}</td>" for column in columns)
        rows.append(
            f'<tr class="{"small" if count < 30 else ""}"><th>{html_text(label)}</th><td>{count}</td>{cells}</tr>'
        )
    return f"<table><thead><tr><th>slice</th><th>samples</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _plots(views: Sequence[SampleView]) -> str:
    counts = count_failures([view.analysis for view in views])
    drawings = [
        figure(
            "J&F lost by error type, points",
            bars([(c.failure.value, c.cost, f"{100 * c.cost:.1f}  ({c.samples})") for c in counts]),
        ),
        figure("Samples by J&F", histogram([jf(view.score) for view in views])),
    ]
    flags = [
        (view.target_score, bool(view.expression.annotation_ids)) for view in views if view.target_score is not None
    ]
    points = no_target_curve([(score, has_target) for score, has_target in flags if score is not None])
    if points:
        plot = curve([(t_acc, n_acc) for _, n_acc, t_acc in points], "T-acc.", "N-acc.")
        drawings.append(figure("N-acc. over T-acc. for every threshold", plot))
    return "".join(drawings)
