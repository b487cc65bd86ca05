"""Samples of a run as one image: a row of ground-truth frames above a row of predicted ones, or a sentence."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mevis_bench.masks import MaskRows
from mevis_bench.records import TrackPrediction, UsageError, Video
from mevis_bench.reports.escaping import one_line
from mevis_bench.reports.run_view import RunView, ScoredRun
from mevis_bench.reports.sample_view import Caption, SampleView
from mevis_bench.tasks import find_task

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

FRAMES = 5
WIDTH = 256
GAP = 6
MARGIN = 110
HEAD = 40
GROUND_TRUTH = (26, 157, 92)
PREDICTION = (36, 87, 214)


def render_samples(scored: ScoredRun, samples: Sequence[str]) -> "Image":
    """Render samples below each other, each as ``FRAMES`` frames spread evenly over its video.

    Args:
        scored: A scored run of any task.
        samples: Ids ``<video>/<expression>``, at least one.

    Raises:
        UsageError: A sample is not in the run.
    """
    from PIL import Image, ImageDraw

    split, view = scored.dataset, RunView(scored)
    views_by_video: dict[str, dict[str, SampleView]] = {}
    selected = []
    for sample in samples:
        video_id = sample.rsplit("/", 1)[0]
        if video_id not in views_by_video:
            views_by_video[video_id] = (
                {entry.row.sample: entry for entry in view.video(video_id)} if video_id in split.video_ids else {}
            )
        views = views_by_video[video_id]
        if sample not in views:
            hint = f"Samples of this video: {', '.join(views)}." if views else None
            raise UsageError(f"sample {sample!r} not found in the run", location=str(scored.path), hint=hint)
        selected.append((views[sample], split.video(video_id)))
    heights = [HEAD + len(_rows(entry)) * (_frame_height(video) + GAP) + 14 for entry, video in selected]
    image = Image.new("RGB", (MARGIN + FRAMES * (WIDTH + GAP) + 10, sum(heights) + 10), "white")
    canvas = ImageDraw.Draw(image)
    top = 6
    for (sample_view, video), height in zip(selected, heights, strict=True):
        _render_sample(image, canvas, top, sample_view, video, find_task(view.task).sample_title)
        top += height
    return image


Row = tuple[str, MaskRows | TrackPrediction, tuple[int, int, int]]
"""Its name, what is drawn over its frames, and the color."""


def _rows(view: SampleView) -> list[Row]:
    content = view.content
    if isinstance(content, Caption):
        return [("target", content.ground_truth, GROUND_TRUTH)]
    return [("ground truth", content.ground_truth, GROUND_TRUTH), ("prediction", content.prediction, PREDICTION)]


def _render_sample(image: "Image", canvas: "ImageDraw", top: int, view: SampleView, video: Video, score: str) -> None:
    from PIL import Image, ImageFont

    large, small = ImageFont.load_default(19), ImageFont.load_default(15)
    text = view.content.text if isinstance(view.content, Caption) else view.expression.text
    canvas.text((10, top + 8), f"“{one_line(text)}”", fill="#1d2129", font=large)
    canvas.text(
        (image.width - 16, top + 10), f"{score} {100 * view.score:.1f}", fill="#667085", font=small, anchor="ra"
    )
    height = _frame_height(video)
    indices = np.linspace(0, len(video) - 1, FRAMES).round().astype(int)
    for row, (name, content, color) in enumerate(_rows(view)):
        y = top + HEAD + row * (height + GAP)
        dense = content.to_dense() if isinstance(content, MaskRows) else None
        canvas.text((10, y + height // 2), name, fill=color, font=small, anchor="lm")
        for column, index in enumerate(indices):
            pixels = video.frame(int(index))
            frame = Image.fromarray(pixels if dense is None else _tinted(pixels, dense[index], color))
            if isinstance(content, TrackPrediction):
                _draw_boxes(frame, content, int(index), color)
            image.paste(frame.resize((WIDTH, height)), (MARGIN + column * (WIDTH + GAP), y))


def _draw_boxes(frame: "Image", tracks: TrackPrediction, index: int, color: tuple[int, int, int]) -> None:
    from PIL import ImageDraw, ImageFont

    canvas, width = ImageDraw.Draw(frame), max(1, round(2 * frame.width / WIDTH))
    numbers = {identity: str(number) for number, identity in enumerate(sorted(set(tracks.ids.tolist())), 1)}
    here = tracks.frames == index
    for identity, box in zip(tracks.ids[here].tolist(), tracks.boxes[here].tolist(), strict=True):
        canvas.rectangle(box, outline=color, width=width)
        canvas.text((box[0] + 2 * width, box[1]), numbers[identity], fill=color, font=ImageFont.load_default(7 * width))


def _frame_height(video: Video) -> int:
    return round(video.height * WIDTH / video.width)


def _tinted(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], color: tuple[int, int, int]) -> NDArray[np.uint8]:
    tinted = pixels.copy()
    tinted[mask] = (0.3 * pixels[mask] + 0.7 * np.array(color)).astype(np.uint8)
    return tinted
