"""Reads Ref-DAVIS17: the original release, and what ReferFormer's converter makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.data.frame_folders import FrameFolders, VideoEntry, VideoTruth
from mevis_bench.data.refer_youtube_vos.split import LabelImageSplit
from mevis_bench.data.sentences import parse_label
from mevis_bench.files.names import resolve_inside, validate_name
from mevis_bench.masks.label_images import VOID, read_label_image, read_tracks
from mevis_bench.records import DataError, Expression, UsageError
from mevis_bench.records.bounds import Bounds
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.suggestion import did_you_mean

BOUNDS = Bounds(files="Sentences and video lists of Ref-DAVIS17", limits={"bytes": 2**24})

SENTENCE_FILES = (
    ("Davis17_annot1.txt", "utf-8"),
    ("Davis17_annot1_full_video.txt", "utf-8"),
    ("Davis17_annot2.txt", "latin-1"),
    ("Davis17_annot2_full_video.txt", "latin-1"),
)
"""Files of sentences with their encodings, in the order of the annotators: first frame seen, whole video seen."""

MISSPELT = {"clasic-car": "classic-car", "dog-scale": "dogs-scale", "motor-bike": "motorbike"}
"""Names of videos in the sentence files that are not those of DAVIS."""

LISTS = {"train": "train.txt", "valid": "val.txt"}
"""Lists of videos in ``DAVIS/ImageSets/2017``."""


def annotator_of(expression_id: str, location: str) -> str:
    """Return the annotator of an expression: object ``k`` and annotator ``a`` have the id ``4 k + a``.

    Raises:
        DataError: The id is not a number.
    """
    if not expression_id.isdecimal():
        raise DataError(f"expression id {expression_id!r}: expected a number", location=location)
    return str(int(expression_id) % len(SENTENCE_FILES))


class ConvertedSplit(LabelImageSplit):
    """The converted layout, which is that of Refer-YouTube-VOS."""

    def make_expression(self, number: int, expression_id: str, text: str, ids: tuple[str, ...] | None) -> Expression:
        """See :class:`LabelImageSplit`."""
        annotator = annotator_of(expression_id, f"{self.root}, split {self.split}")
        return Expression(expression_id, text, ids, annotator=annotator)


@dataclass(frozen=True, slots=True)
class OriginalLayout:
    """Files of one split of the original release.

    Attributes:
        root: Folder that holds ``DAVIS`` and ``davis_text_annotations``.
        split: Name of the split.
        videos: The list of its videos.
        sentences: The four files of sentences.
    """

    root: Path
    split: str
    videos: Path
    sentences: tuple[Path, ...]


def find_original(root: Path, split: str) -> OriginalLayout:
    """Find the files of a split of the original release.

    Raises:
        UsageError: There is no such split.
    """
    if split not in LISTS:
        raise UsageError(f"no split {split!r}", location=str(root), hint=did_you_mean(split, list(LISTS)))
    texts = root / "davis_text_annotations"
    return OriginalLayout(
        root, split, root / "DAVIS/ImageSets/2017" / LISTS[split], tuple(texts / name for name, _ in SENTENCE_FILES)
    )


class OriginalSplit(FrameFolders):
    """The original release: frames and label images of DAVIS 2017, and four files of sentences."""

    def __init__(self, info: DatasetInfo, layout: OriginalLayout) -> None:
        self._layout = layout
        videos = [validate_name(name, "video id", str(layout.videos)) for name in _lines(layout.videos, "utf-8")]
        self._sentences = [
            read_sentences(path, encoding) for path, (_, encoding) in zip(layout.sentences, SENTENCE_FILES, strict=True)
        ]
        super().__init__(info, layout.root, layout.split, sorted(videos), truth=self._labels.is_dir())

    @property
    def _labels(self) -> Path:
        return self._layout.root / "DAVIS/Annotations_unsupervised/480p"

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        labels = [path for video_id in self.video_ids for path in sorted((self._labels / video_id).glob("*.png"))]
        return [self._layout.videos, *self._layout.sentences, *(labels if self.has_ground_truth else [])]

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"DAVIS/JPEGImages/480p/{video_id}/{frame}.jpg"

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        folder = resolve_inside(self.root, f"DAVIS/JPEGImages/480p/{video_id}", "frame folder")
        frames = tuple(sorted(path.stem for path in folder.glob("*.jpg")))
        if not frames:
            raise DataError("the video has no frames", location=str(folder))
        by_annotator = [sentences.get(video_id, {}) for sentences in self._sentences]
        objects = sorted(by_annotator[0])
        for path, named in zip(self._layout.sentences, by_annotator, strict=True):
            if not objects or sorted(named) != objects:
                message = f"video {video_id}: sentences about objects {sorted(named)}, those of annot1 are {objects}"
                raise DataError(message, location=str(path))
        return VideoEntry(
            frames,
            tuple(
                Expression(
                    str(len(by_annotator) * k + a),
                    named[name],
                    (name,) if self.has_ground_truth else None,
                    annotator=str(a),
                )
                for k, name in enumerate(objects)
                for a, named in enumerate(by_annotator)
            ),
        )

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`."""
        entry = self._entry(video_id)
        paths = [
            resolve_inside(self._labels, f"{video_id}/{name}.png", "label image", within=self.root)
            for name in entry.frames
        ]
        height, width = read_label_image(paths[0], str(paths[0])).shape
        names = dict.fromkeys(name for expression in entry.expressions for name in expression.annotation_ids or ())
        values = {name: parse_label(name, f"{self.root}, video {video_id}") for name in names}
        tracks = read_tracks(paths, (*values.values(), VOID), height, width)
        objects = {name: tracks[value] for name, value in values.items()}
        return VideoTruth(height, width, objects, {"void": tracks[VOID]} if any(tracks[VOID]) else {})


def read_sentences(path: Path, encoding: str) -> Mapping[str, Mapping[str, str]]:
    """Read a file of lines ``<video> <object> "<sentence>"``: sentences by video and object.

    Raises:
        DataError: The file is missing or not in its encoding, a line has another form, or an object has two sentences.
    """
    videos: dict[str, dict[str, str]] = {}
    for number, line in enumerate(_lines(path, encoding), 1):
        location = f"{path}:{number}"
        parts = line.split(" ", 2)
        if len(parts) != 3 or len(parts[2]) < 3 or not parts[1].isdecimal():
            raise DataError('expected <video> <object> "<sentence>"', location=location)
        objects = videos.setdefault(MISSPELT.get(parts[0], parts[0]), {})
        if parts[1] in objects:
            raise DataError(f"object {parts[1]} of video {parts[0]} has a second sentence", location=location)
        objects[parts[1]] = " ".join(parts[2][1:-1].split())
    return videos


def _lines(path: Path, encoding: str) -> list[str]:
    try:
        BOUNDS.check("bytes", path.stat().st_size, str(path))
        text = path.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"not {encoding} text: {error.reason}", location=str(path)) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", location=str(path)) from error
    return [line for line in (line.strip() for line in text.splitlines()) if line]
