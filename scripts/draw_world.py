"""The picture of docs/results/mini2.md: ``python -m scripts.draw_world``.

Each row is a video of the shipped split of mini2: three of its frames, and one sentence, whose targets are outlined.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mevis_bench.data.registry import open_dataset
from mevis_bench.masks.rle import rows_from_rle

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "world-2.png"
SAMPLES = (
    ("00006", "sentence-noun"),
    ("00015", "sentence-relation"),
    ("00012", "sentence-order"),
    ("00004", "sentence-extreme"),
)
"""Videos, and the kind of the sentence that is shown: the first one of it with a target."""

COLUMNS, CAPTION = 3, 16


def outlined(frame: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Image.Image:
    """Return a frame (h, w, 3) with a line around a mask (h, w)."""
    image, shape = Image.fromarray(frame), Image.fromarray(mask)
    rim = np.asarray(shape.convert("L").filter(ImageFilter.MaxFilter(5))) > np.asarray(shape.convert("L"))
    image.paste((255, 40, 40), mask=Image.fromarray(rim))
    return image


def main() -> None:
    """Write the picture."""
    dataset = open_dataset(None, None, "mini2")
    rows = []
    for video_id, kind in SAMPLES:
        video = dataset.video(video_id)
        truth = next(t for t in dataset.ground_truths(video_id) if t.expression.kind == kind and t.objects)
        masks = [rows_from_rle(m, truth.height, truth.width, location=video_id).to_dense() for m in truth.objects]
        row = Image.new("RGB", (COLUMNS * truth.width, truth.height + CAPTION), "white")
        for column, t in enumerate(np.linspace(0, len(video) - 1, COLUMNS).round().astype(int)):
            row.paste(outlined(video.frame(t), np.any([mask[t] for mask in masks], axis=0)), (column * truth.width, 0))
        ImageDraw.Draw(row).text((4, truth.height + 2), f"{truth.expression.text} ({len(video)} frames)", fill="black")
        rows.append(row)
    picture = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for number, row in enumerate(rows):
        picture.paste(row, (0, number * row.height))
    picture.quantize(128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
