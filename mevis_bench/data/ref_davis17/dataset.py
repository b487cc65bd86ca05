"""The data set Ref-DAVIS17."""

from pathlib import Path

from mevis_bench.data.fixtures import SENTENCES, make_scene, mark_as_fixture, write_label_images, write_numbered_frames
from mevis_bench.data.folder_validation import folder_validator
from mevis_bench.data.frame_folders import FrameFolders
from mevis_bench.data.ref_davis17.split import SENTENCE_FILES, ConvertedSplit, OriginalSplit, find_original
from mevis_bench.data.refer_youtube_vos.dataset import is_youtube_vos
from mevis_bench.data.refer_youtube_vos.split import META, find_layout
from mevis_bench.data.registry import DatasetEntry
from mevis_bench.data.split_file import SplitFile
from mevis_bench.records import UsageError
from mevis_bench.records.dataset import DatasetInfo

INFO = DatasetInfo(
    name="ref_davis17",
    version="2018",
    title="Ref-DAVIS17",
    tasks=("rvos",),
    splits=("train", "valid"),
    license="DAVIS: non-commercial, see its site; sentences: see the page of MPI Informatics",
    protocol="ref_davis_annotators",
    default_split="valid",
    about="Sentences of two annotators about the objects of DAVIS 2017, after the first frame and the whole video: "
    "four per object. Two protocols are in use and give different numbers on the same answers: ref_davis_annotators "
    "(ReferFormer; DAVIS's unsupervised tool per annotator) and ref_davis_expressions (VISA, Sa2VA).",
    source="davischallenge.org: DAVIS-2017-Unsupervised-trainval-480p and DAVIS-2017_semantics-480p; "
    "mpi-inf.mpg.de: davis_text_annotations. No login is needed. No server.",
    layout="""\
DIR/                                                     the original release
  DAVIS/JPEGImages/480p/<video>/<frame>.jpg
  DAVIS/Annotations_unsupervised/480p/<video>/<frame>.png   palette images: pixel value = object, 255 = void
  DAVIS/ImageSets/2017/{train,val}.txt
  davis_text_annotations/Davis17_annot{1,2}{,_full_video}.txt
or DIR/                                                  as ReferFormer's converter writes it
  meta_expressions/{train,valid}/meta_expressions.json
  {train,valid}/JPEGImages/<video>/<frame>.jpg
  {train,valid}/Annotations/<video>/<frame>.png
""",
    counts={"train": {"videos": 60}, "valid": {"videos": 30, "expressions": 244}},
)


def _is_original(root: Path) -> bool:
    return (root / "DAVIS").is_dir() and (root / "davis_text_annotations").is_dir()


_CONVERTED = SplitFile(INFO, META)


def _matches(root: Path | None, split: str) -> bool:
    """The converted layout is that of Refer-YouTube-VOS, whose video ids are ten hexadecimal digits."""
    if root is None:
        return False
    try:
        if _is_original(root) and split in INFO.splits:
            return True
        return _CONVERTED.exists(root, split) and not is_youtube_vos(_CONVERTED.path(root, split))
    except OSError:
        return False


def _open(root: Path | None, split: str) -> FrameFolders:
    if root is not None and _is_original(root):
        return OriginalSplit(INFO, find_original(root, split))
    layout = find_layout(_CONVERTED.require(root, split), split)
    if is_youtube_vos(layout.meta):
        raise UsageError("the videos are not those of DAVIS", location=str(layout.meta))
    return ConvertedSplit(INFO, layout)


def _make_fixture(root: Path) -> None:
    """Write the original layout: two videos of valid and one of train, one of them with void pixels."""
    mark_as_fixture(root)
    videos = {"blackswan": ("val.txt", 2), "camel": ("val.txt", 1), "motorbike": ("train.txt", 2)}
    lines: dict[str, list[str]] = {name: [] for name, _ in SENTENCE_FILES}
    lists: dict[str, list[str]] = {"train.txt": [], "val.txt": []}
    for seed, (video_id, (listed, objects)) in enumerate(videos.items()):
        scene = make_scene(seed, objects=objects)
        names = write_numbered_frames(root / "DAVIS/JPEGImages/480p" / video_id, scene.frames)
        scene.labels[:, :4, :4] = 255
        write_label_images(root / "DAVIS/Annotations_unsupervised/480p" / video_id, names, scene.labels)
        lists[listed].append(video_id)
        for name in lines:
            lines[name] += [f'{video_id} {k + 1} "{SENTENCES[k]}"' for k in range(objects)]
    for name, encoding in SENTENCE_FILES:
        path = root / "davis_text_annotations" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes("\n".join([*lines[name], ""]).encode(encoding))
    for name, ids in lists.items():
        path = root / "DAVIS/ImageSets/2017" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*ids, ""]), encoding="utf-8")


DATASETS = (DatasetEntry(INFO, _matches, _open, folder_validator(INFO, _open), _make_fixture),)
