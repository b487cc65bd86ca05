"""The data set ReasonVOS, read as VideoLISA's and GLUS's code read it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mevis_bench.data.fixtures import (
    SENTENCES,
    make_scene,
    mark_as_fixture,
    write_json,
    write_masks,
    write_numbered_frames,
)
from mevis_bench.data.folder_entry import folder_entry
from mevis_bench.data.frame_folders import FrameFolders, VideoEntry, VideoTruth
from mevis_bench.data.mevis.annotations import parse_frames
from mevis_bench.data.sentences import has_keys, parse_object_id, read_videos
from mevis_bench.data.split_file import SplitFile
from mevis_bench.files.names import resolve_inside, validate_name
from mevis_bench.masks.label_images import read_label_image
from mevis_bench.masks.rle import to_rles
from mevis_bench.records import DataError, Expression, Rle
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.schemas.decode import decode_key
from mevis_bench.schemas.external import ReasonVosExpression, ReasonVosVideo

INFO = DatasetInfo(
    name="reason_vos",
    version="2024",
    title="ReasonVOS",
    tasks=("rvos",),
    splits=("valid",),
    license="non-commercial research; videos keep the licenses of BURST, VIPSeg, MOSE and MeViS",
    protocol="mevis_v1",
    default_split="valid",
    about="458 questions and descriptions that need reasoning, in videos of BURST, VIPSeg, MOSE and MeViS; from the "
    "authors of VideoLISA. Facts are read from code (VideoLISA, GLUS), not from the data; not sure: whether "
    "expressions are a list or an object (both are read), and that a missing mask file means absent.",
    source="github.com/showlab/VideoLISA, BENCHMARK.md (Google Drive). No server.",
    layout="""\
DIR/
  meta_expressions.json                                {"videos": {id: {"source", "frames", "is_sent", "expressions"}}}
  JPEGImages/<video>/<frame>.jpg
  Annotations/<source>_<video>_<obj_id>/<frame>.png    not 0 is the object
""",
    counts={"valid": {"expressions": 458}},
)


_META = SplitFile(INFO, "meta_expressions.json")


class ReasonVosSplit(FrameFolders):
    """The only split of ReasonVOS."""

    def __init__(self, root: Path, split: str) -> None:
        self._raw = read_videos(_META.path(root, split))
        super().__init__(INFO, root, split, sorted(self._raw), truth=(root / "Annotations").is_dir())

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        masks = sorted((self.root / "Annotations").glob("*/*.png")) if self.has_ground_truth else []
        return [_META.path(self.root, self.split), *masks]

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"JPEGImages/{video_id}/{frame}.jpg"

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        location = f"{_META.path(self.root, self.split)}, video {video_id}"
        raw = decode_key(self._raw[video_id], ReasonVosVideo, "expressions", location, deep=False)
        entries = enumerate(raw) if isinstance(raw, tuple) else raw.items()
        expressions = tuple(self._expression_of(str(key), value, location) for key, value in entries)
        return VideoEntry(parse_frames(self._raw[video_id], location), expressions)

    def _expression_of(self, name: str, raw: object, location: str) -> Expression:
        place = f"{location}, expression {name}"
        texts = (decode_key(raw, ReasonVosExpression, key, place) for key in ("exp_text", "exp"))
        text = next((text for text in texts if text is not None), None)
        if text is None:
            raise DataError("missing key 'exp_text'", location=place)
        ids = (validate_name(parse_object_id(raw, place), "object id", place),) if self.has_ground_truth else None
        return Expression(validate_name(name, "expression id", place), text, ids)

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`."""
        entry, video = self._entry(video_id), self.video(video_id)
        location = f"{_META.path(self.root, self.split)}, video {video_id}"
        source = validate_name(
            decode_key(self._raw[video_id], ReasonVosVideo, "source", location), "source", location
        ).lower()
        names = dict.fromkeys(name for expression in entry.expressions for name in expression.annotation_ids or ())
        objects = {}
        for name in names:
            folder = resolve_inside(self.root, f"Annotations/{source}_{video_id}_{name}", "mask folder", location)
            if not folder.is_dir():
                raise DataError(f"object {name} of video {video_id} has no masks", location=str(folder))
            objects[name] = tuple(_mask(folder / f"{frame}.png", video.height, video.width) for frame in entry.frames)
        return VideoTruth(video.height, video.width, objects, {})


def _mask(path: Path, height: int, width: int) -> Rle | None:
    if not path.is_file():
        return None
    values = read_label_image(path, str(path))
    if values.shape != (height, width):
        message = f"mask is {values.shape[1]}x{values.shape[0]}, the video is {width}x{height}"
        raise DataError(message, location=str(path))
    return to_rles((values > 0)[None])[0]


def _accepts(meta: Path) -> bool:
    """Return whether an expression file is of ReasonVOS; that of a split of MeViS has the same name."""
    return has_keys(meta, present=("source", "obj_id"), absent=("anno_id",))


def _make_fixture(root: Path) -> None:
    """Write two videos of two sources; the expressions of one are a list, of the other an object."""
    mark_as_fixture(root)
    videos: dict[str, Mapping[str, object]] = {}
    for seed, (video_id, source) in enumerate((("made_a", "BURST"), ("made_b", "MOSE"))):
        scene = make_scene(seed)
        names = write_numbered_frames(root / "JPEGImages" / video_id, scene.frames)
        for label in (1, 2):
            folder = root / "Annotations" / f"{source.lower()}_{video_id}_{label}"
            write_masks(folder, names, scene.labels == label)
        entries = [{"exp_text": SENTENCES[i], "obj_id": i + 1} for i in range(2)]
        expressions: object = entries if seed == 0 else {str(i): entry for i, entry in enumerate(entries)}
        videos[video_id] = {"source": source, "frames": names, "is_sent": True, "expressions": expressions}
    write_json(_META.path(root, "valid"), {"videos": videos})


DATASETS = (folder_entry(_META, ReasonVosSplit, _make_fixture, _accepts),)
