"""Base of A2D- and JHMDB-Sentences: queries about single frames, with ground truth in one COCO file.

Every query is a video of its own with one expression, ``0``. Its frames are a window around the scored one, which
methods may use; only the scored frame counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mevis_bench.data.frame_folders import FrameFolders, VideoEntry, VideoTruth
from mevis_bench.files.names import resolve_inside
from mevis_bench.files.strict_json import read_json
from mevis_bench.masks.rle_json import parse_rle
from mevis_bench.records import DataError, Expression, Rle
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.schemas.decode import decode_external, decode_key
from mevis_bench.schemas.external import CocoAnnotation, CocoGroundTruth, CocoImage

WINDOW = 8
"""Frames around a query that methods see, the scored one in the middle, as in MTTR; fewer at the ends of a video."""

EXPRESSION_ID = "0"


@dataclass(frozen=True, slots=True)
class Query:
    """One sentence about one frame.

    Attributes:
        image_id: Id of the image in the COCO file, and of the video here.
        text: The sentence.
        folder: Folder of the frames, relative to the data set.
        frame: Number of the scored frame; frames are numbered from 1.
    """

    image_id: str
    text: str
    folder: str
    frame: int


class SingleFrames(FrameFolders):
    """Queries about single frames."""

    def __init__(
        self, info: DatasetInfo, root: Path, split: str, queries: Sequence[Query], files: Sequence[Path], truth: Path
    ) -> None:
        """Read the ground truth.

        Args:
            info: Facts of the data set.
            root: Its folder.
            split: Name of the split.
            queries: All queries.
            files: Files that the queries were read from.
            truth: COCO file with one image and one annotation per query; it need not exist.

        Raises:
            DataError: The COCO file is invalid, or a query has no image or is there twice.
        """
        self._queries = {query.image_id: query for query in queries}
        if len(self._queries) < len(queries):
            ids = [query.image_id for query in queries]
            twice = next(name for index, name in enumerate(ids) if name in ids[:index])
            raise DataError(f"duplicate query {twice!r}", location=str(files[0]))
        self._files = [*files, *([truth] if truth.is_file() else [])]
        self._images = read_coco(truth) if truth.is_file() else {}
        for image_id in self._queries if self._images else ():
            if image_id not in self._images:
                raise DataError(f"image {image_id!r} of a query is missing", location=str(truth))
        # The original takes means in the order of the COCO file.
        order = [image_id for image_id in self._images if image_id in self._queries] or list(self._queries)
        super().__init__(info, root, split, order, truth=bool(self._images))

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        return self._files

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"{self._queries[video_id].folder}/{frame}.png"

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        query = self._queries[video_id]
        start, end = query.frame - WINDOW // 2, query.frame + (WINDOW + 1) // 2
        numbers = [number for number in range(max(start, 1), end) if self._is_there(query, number)]
        if query.frame not in numbers:
            numbers = [query.frame]  # opening it names what is missing
        ids = (EXPRESSION_ID,) if self.has_ground_truth else None
        return VideoEntry(
            tuple(f"{number:05d}" for number in numbers),
            (Expression(EXPRESSION_ID, query.text, ids),),
            (numbers.index(query.frame),),
        )

    def _is_there(self, query: Query, number: int) -> bool:
        return resolve_inside(self.root, f"{query.folder}/{number:05d}.png", "frame path").is_file()

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`."""
        entry, mask = self._entry(video_id), self._images[video_id]
        scored = (entry.scored or (0,))[0]
        track = tuple(mask if index == scored else None for index in range(len(entry.frames)))
        return VideoTruth(mask.height, mask.width, {EXPRESSION_ID: track}, {})


def read_coco(path: Path) -> Mapping[str, Rle]:
    """Read the mask of every image of a COCO file with one annotation per image, in the order of its images.

    Raises:
        DataError: It is not such a file.
    """
    document = read_json(path)
    annotations = decode_key(document, CocoGroundTruth, "annotations", str(path), deep=False)
    masks: dict[str, Rle] = {}
    for index, annotation in enumerate(annotations):
        location = f"{path}, annotation {index}"
        image_id = decode_key(annotation, CocoAnnotation, "image_id", location)
        if image_id in masks:
            raise DataError(f"second annotation of image {image_id!r}", location=location)
        masks[image_id] = parse_rle(annotation.get("segmentation"), location)
    ordered = {}
    for index, image in enumerate(decode_key(document, CocoGroundTruth, "images", str(path), deep=False)):
        location = f"{path}, image {index}"
        entry = decode_external(image, CocoImage, location)
        if entry.id not in masks:
            raise DataError(f"image {entry.id!r} has no annotation", location=location)
        mask = masks[entry.id]
        if (entry.height, entry.width) != (mask.height, mask.width):
            raise DataError(f"image {entry.id!r}: its mask has another size", location=location)
        ordered[entry.id] = mask
    return ordered


def read_rows(path: Path, kind: Any) -> list[tuple[Any, str]]:
    """Read a JSON list of lists.

    Args:
        path: The file.
        kind: Type of an entry, ``tuple[X, Y]``.

    Returns:
        Entries, each with its location for messages.

    Raises:
        DataError: It is not such a file.
    """
    rows = [
        (row, f"{path}, entry {index}") for index, row in enumerate(decode_external(read_json(path), list, str(path)))
    ]
    return [(decode_external(row, kind, location), location) for row, location in rows]
