"""The data set GroundMoRe, read as UniPixel's evaluation reads it."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mevis_bench.data.fixtures import make_scene, mark_as_fixture, write_json, write_label_images, write_numbered_frames
from mevis_bench.data.folder_entry import folder_entry
from mevis_bench.data.frame_folders import FrameFolders, Track, VideoEntry, VideoTruth
from mevis_bench.data.sentences import parse_label, read_videos
from mevis_bench.data.split_file import SplitFile
from mevis_bench.files.names import resolve_inside, validate_name
from mevis_bench.masks.label_images import read_tracks
from mevis_bench.records import DataError, Expression
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.schemas.decode import decode_external, decode_key
from mevis_bench.schemas.external import GroundMoreQuestion, GroundMoreVideo

INFO = DatasetInfo(
    name="groundmore",
    version="2",
    title="GroundMoRe",
    tasks=("rvos",),
    splits=("trainval", "test"),
    license="not checked; see the page of the data",
    protocol="groundmore",
    default_split="test",
    about="Questions about motion that an object and the time of its action answer: causal, sequential, "
    "counterfactual and descriptive. 20 frames of a clip, evenly spread, are predicted and scored; outside of the "
    "action the ground truth is empty. Facts are read from UniPixel's evaluation (5c8e941), not from the data: counts "
    "are not known.",
    source="huggingface.co/datasets/groundmore/GroundMoRe (groundmore.github.io). No server.",
    layout="""\
DIR/
  test_v2.json, trainval_v2.json            {"videos": {id: {"questions": {id: {"question", "answer", "obj_id",
                                            "q_type", "action_start", "action_end"}}}}}; video ids end with the
                                            times of the clip, mmss_mmss
  annotations/<video>/images/<frame>.jpg    6 frames per second
  annotations/<video>/masks/<frame>.png     pixel value = obj_id
""",
)

NUM_FRAMES = 20
FRAMES_PER_SECOND = 6

_CLIP = re.compile(r".*?(\d\d)(\d\d)_\d{4}")


_META = SplitFile(INFO, "{split}_v2.json")


def seconds_of(time: str) -> int:
    """Return the seconds of ``h:m:s``, ``m:s`` or ``s``."""
    return sum(int(part) * 60**place for place, part in enumerate(reversed(time.split(":"))))


class GroundMoreSplit(FrameFolders):
    """One split of GroundMoRe."""

    def __init__(self, root: Path, split: str) -> None:
        self._raw = read_videos(_META.path(root, split))
        self._indices: dict[str, tuple[int, ...]] = {}
        super().__init__(INFO, root, split, sorted(self._raw), truth=(root / "annotations").is_dir())

    def annotation_files(self) -> Sequence[Path]:
        """See :class:`FrameFolders`."""
        masks = (path for video_id in self.video_ids for path in (self._folder(video_id) / "masks").glob("*.png"))
        return [_META.path(self.root, self.split), *sorted(masks)]

    def frame_path(self, video_id: str, frame: str) -> str:
        """See :class:`FrameFolders`."""
        return f"annotations/{video_id}/images/{frame}.jpg"

    def _folder(self, video_id: str) -> Path:
        return resolve_inside(self.root, f"annotations/{video_id}", "video folder")

    def read_entry(self, video_id: str) -> VideoEntry:
        """See :class:`FrameFolders`."""
        location = f"{_META.path(self.root, self.split)}, video {video_id}"
        names = [path.stem for path in (self._folder(video_id) / "images").glob("*.jpg")]
        if not names:
            raise DataError("the video has no frames", location=str(self._folder(video_id) / "images"))
        prefix = "frame_" if names[0].startswith("frame_") else ""
        width = 6 if prefix else 7
        indices = tuple(dict.fromkeys(np.linspace(0, len(names) - 1, num=NUM_FRAMES, dtype=int).tolist()))
        self._indices[video_id] = indices
        questions = decode_key(self._raw[video_id], GroundMoreVideo, "questions", location, deep=False)
        expressions = (self._expression_of(key, value, location) for key, value in questions.items())
        return VideoEntry(tuple(f"{prefix}{index:0{width}d}" for index in indices), tuple(expressions))

    def _expression_of(self, name: str, raw: object, location: str) -> Expression:
        place = f"{location}, question {name}"
        text, kind = (decode_key(raw, GroundMoreQuestion, key, place) for key in ("question", "q_type"))
        # An object in two questions has two actions, so the id of a track names the question.
        ids = (name,) if self.has_ground_truth else None
        return Expression(validate_name(name, "question id", place), text, ids, kind=kind.lower())

    def read_truth(self, video_id: str) -> VideoTruth:
        """See :class:`FrameFolders`."""
        entry, video = self._entry(video_id), self.video(video_id)
        location = f"{_META.path(self.root, self.split)}, video {video_id}"
        clip = _CLIP.fullmatch(video_id)
        if clip is None:
            raise DataError("the id does not end with the times of the clip, mmss_mmss", location=location)
        start = 60 * int(clip[1]) + int(clip[2])
        questions = {
            name: decode_external(raw, GroundMoreQuestion, f"{location}, question {name}")
            for name, raw in self._raw[video_id]["questions"].items()
        }
        labels = {
            name: parse_label(str(question.obj_id).strip(), f"{location}, question {name}")
            for name, question in questions.items()
        }
        paths = [
            resolve_inside(self._folder(video_id), f"masks/{frame}.png", "mask", within=self.root)
            for frame in entry.frames
        ]
        existing = [path if path.is_file() else None for path in paths]
        tracks = read_tracks(existing, sorted(set(labels.values())), video.height, video.width)
        objects = {
            name: self._action(tracks[label], questions[name], video_id, start) for name, label in labels.items()
        }
        return VideoTruth(video.height, video.width, objects, {})

    def _action(self, track: Track, question: GroundMoreQuestion, video_id: str, start: int) -> Track:
        """Return a track without the frames outside of the action; ``start``: second at which the clip begins."""
        first = (seconds_of(question.action_start) - start) * FRAMES_PER_SECOND
        last = (seconds_of(question.action_end) - start) * FRAMES_PER_SECOND - 1
        return tuple(
            mask if first <= index <= last else None for index, mask in zip(self._indices[video_id], track, strict=True)
        )


def _make_fixture(root: Path) -> None:
    """Write a clip of five seconds with a question about each of two objects."""
    mark_as_fixture(root)
    video_id = "made_0010_0015"
    scene = make_scene(0, length=30, width=128)
    names = write_numbered_frames(root / "annotations" / video_id / "images", scene.frames, digits=7)
    write_label_images(root / "annotations" / video_id / "masks", names, scene.labels)
    questions = {
        str(i): {
            "question": f"which box moves {way}?",
            "answer": "the box",
            "obj_id": str(i + 1),
            "q_type": kind,
            "action_start": "00:11",
            "action_end": "00:13",
        }
        for i, (way, kind) in enumerate((("right", "Causal"), ("left", "Descriptive")))
    }
    write_json(_META.path(root, "test"), {"videos": {video_id: {"questions": questions}}})


DATASETS = (folder_entry(_META, GroundMoreSplit, _make_fixture),)
