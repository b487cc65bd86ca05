"""A few samples of a run as one picture: the truth's row above the prediction's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mevis_bench.data.mevis.split import Split
from mevis_bench.records import UsageError, Video
from mevis_bench.reports.gallery.view import SampleView, jf, view_video

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

FRAMES = 5
WIDTH = 256
GAP = 6
MARGIN = 96
HEAD = 40
TRUTH = (26, 157, 92)
PREDICTION = (36, 87, 214)


def draw_samples(run: Path, split: Split, samples: Sequence[str]) -> "Image":
    """Draw samples below each other, each as five frames spread over its video.

    Args:
        run: A scored run folder of RVOS or AVOS.
        split: The split it was scored on.
        samples: Ids ``<video>/<expression>``, at least one.

    Raises:
        UsageError: A sample is not in the run.
    """
    from PIL import Image, ImageDraw

    drawn = []
    for sample in samples:
        video_id = sample.rsplit("/", 1)[0]
        views = {view.score.sample: view for view in view_video(split, run, video_id)}
        if sample not in views:
            raise UsageError(f"the run has no sample {sample!r}", location=str(run), hint=f"It has {', '.join(views)}.")
        drawn.append((views[sample], split.video(video_id)))
    heights = [HEAD + 2 * (_shown_height(video) + GAP) + 14 for _, video in drawn]
    picture = Image.new("RGB", (MARGIN + FRAMES * (WIDTH + GAP) + 10, sum(heights) + 10), "white")
    pen = ImageDraw.Draw(picture)
    top = 6
    for (view, video), height in zip(drawn, heights, strict=True):
        _draw_sample(picture, pen, top, view, video)
        top += height
    return picture


def _draw_sample(picture: "Image", pen: "ImageDraw", top: int, view: SampleView, video: Video) -> None:
    from PIL import Image, ImageFont

    large, small = ImageFont.load_default(19), ImageFont.load_default(15)
    pen.text((10, top + 8), f"“{view.expression.text}”", fill="#1d2129", font=large)
    pen.text((picture.width - 16, top + 10), f"J&F {100 * jf(view.score):.1f}", fill="#667085", font=small, anchor="ra")
    height = _shown_height(video)
    indices = np.linspace(0, len(video) - 1, FRAMES).round().astype(int)
    for row, (name, masks, color) in enumerate(
        (("truth", view.ground_truth, TRUTH), ("prediction", view.prediction, PREDICTION))
    ):
        y = top + HEAD + row * (height + GAP)
        dense = masks.to_dense()
        pen.text((10, y + height // 2), name, fill=color, font=small, anchor="lm")
        for column, index in enumerate(indices):
            frame = Image.fromarray(_tinted(video.frame(int(index)), dense[index], color))
            picture.paste(frame.resize((WIDTH, height)), (MARGIN + column * (WIDTH + GAP), y))


def _shown_height(video: Video) -> int:
    return round(video.height * WIDTH / video.width)


def _tinted(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], color: tuple[int, int, int]) -> NDArray[np.uint8]:
    tinted = pixels.copy()
    tinted[mask] = (0.3 * pixels[mask] + 0.7 * np.array(color)).astype(np.uint8)
    return tinted
