"""Samples of a run as one image: a row of ground-truth frames above a row of predicted ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import UsageError, Video
from mevis_bench.reports.escaping import one_line
from mevis_bench.reports.run_view import RunView, SampleView, ScoredRun, jf

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
        scored: A scored run of RVOS or AVOS.
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
                {entry.score.sample: entry for entry in view.video(video_id)} if video_id in split.video_ids else {}
            )
        views = views_by_video[video_id]
        if sample not in views:
            hint = f"Samples of this video: {', '.join(views)}." if views else None
            raise UsageError(f"sample {sample!r} not found in the run", location=str(scored.path), hint=hint)
        selected.append((views[sample], split.video(video_id)))
    heights = [HEAD + 2 * (_frame_height(video) + GAP) + 14 for _, video in selected]
    image = Image.new("RGB", (MARGIN + FRAMES * (WIDTH + GAP) + 10, sum(heights) + 10), "white")
    canvas = ImageDraw.Draw(image)
    top = 6
    for (sample_view, video), height in zip(selected, heights, strict=True):
        _render_sample(image, canvas, top, sample_view, video)
        top += height
    return image


def _render_sample(image: "Image", canvas: "ImageDraw", top: int, view: SampleView, video: Video) -> None:
    from PIL import Image, ImageFont

    large, small = ImageFont.load_default(19), ImageFont.load_default(15)
    canvas.text((10, top + 8), f"“{one_line(view.expression.text)}”", fill="#1d2129", font=large)
    canvas.text(
        (image.width - 16, top + 10), f"J&F {100 * jf(view.score):.1f}", fill="#667085", font=small, anchor="ra"
    )
    height = _frame_height(video)
    indices = np.linspace(0, len(video) - 1, FRAMES).round().astype(int)
    for row, (name, masks, color) in enumerate(
        (("ground truth", view.ground_truth, GROUND_TRUTH), ("prediction", view.prediction, PREDICTION))
    ):
        y = top + HEAD + row * (height + GAP)
        dense = masks.to_dense()
        canvas.text((10, y + height // 2), name, fill=color, font=small, anchor="lm")
        for column, index in enumerate(indices):
            frame = Image.fromarray(_tinted(video.frame(int(index)), dense[index], color))
            image.paste(frame.resize((WIDTH, height)), (MARGIN + column * (WIDTH + GAP), y))


def _frame_height(video: Video) -> int:
    return round(video.height * WIDTH / video.width)


def _tinted(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], color: tuple[int, int, int]) -> NDArray[np.uint8]:
    tinted = pixels.copy()
    tinted[mask] = (0.3 * pixels[mask] + 0.7 * np.array(color)).astype(np.uint8)
    return tinted
