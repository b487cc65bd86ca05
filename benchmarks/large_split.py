"""Time and memory of opening and verifying a split of MeViSv2's size.

    python -m benchmarks.large_split [--videos 2006] [--expressions 33072] [--verified 150]

Opens a generated split in MeViS's layout and one in that of Refer-YouTube-VOS, and lists every expression, as the plan
of a run does. Verification is timed on ``--verified`` videos, whose frames are links to one image, and on half of them:
the peak memory of both shows that it does not grow with the videos. The goal is to open in 3 seconds.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path

from mevis_bench.data.fixtures import make_scene, write_frames, write_label_images
from mevis_bench.data.registry import open_dataset, validate_dataset

GOAL_SECONDS = 3.0
FRAMES = 60


def write_mevis(root: Path, videos: int, expressions: int) -> None:
    """Write the expression file of a split in MeViS's layout; opening needs neither frames nor masks."""
    entries = {}
    for number in range(videos):
        count = expressions // videos + (number < expressions % videos)
        entries[f"{number:012d}"] = {
            "vid_id": number,
            "frames": [f"{t:05d}" for t in range(FRAMES)],
            "expressions": {
                str(i): {
                    "exp": f"the object {i} that moves to the left and then turns around",
                    "obj_id": [i % 4],
                    "anno_id": [4 * number + i % 4],
                }
                for i in range(count)
            },
        }
    root.mkdir(parents=True)
    (root / "meta_expressions_v2.json").write_text(json.dumps({"videos": entries}))
    (root / "mask_dict.json").write_text("{}")


def write_label_split(root: Path, videos: int, expressions: int, with_files: int) -> None:
    """Write a split in the layout of Refer-YouTube-VOS; the first videos have frames and label images."""
    scene = make_scene(0, length=1, height=360, width=640)
    write_frames(root / "shared", ["0"], scene.frames)
    write_label_images(root / "shared", ["1"], scene.labels)
    names = [f"{5 * t:05d}" for t in range(FRAMES)]
    entries = {}
    for number in range(videos):
        count = expressions // videos + (number < expressions % videos)
        entries[f"{number:010x}"] = {
            "frames": names,
            "expressions": {
                str(i): {
                    "exp": f"the object {i} that moves to the left and then turns around",
                    "obj_id": str(i % 2 + 1),
                }
                for i in range(count)
            },
        }
        for kind, source, suffix in (
            (("JPEGImages", "0.jpg", ".jpg"), ("Annotations", "1.png", ".png")) if number < with_files else ()
        ):
            folder = root / "train" / kind / f"{number:010x}"
            folder.mkdir(parents=True)
            for name in names:
                os.link(root / "shared" / source, folder / f"{name}{suffix}")
    path = root / "meta_expressions/train/meta_expressions.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"videos": entries}))


def open_and_list(root: Path, split: str) -> None:
    """Print how long it takes to open a split and to list every expression."""
    start = time.perf_counter()
    opened = open_dataset(root, split)
    count = sum(len(opened.expressions(video_id)) for video_id in opened.video_ids)
    seconds = time.perf_counter() - start
    status = "within the goal" if seconds < GOAL_SECONDS else f"OVER THE GOAL OF {GOAL_SECONDS} s"
    print(f"{opened.info.name}: {len(opened.video_ids)} videos, {count} expressions open in {seconds:.2f} s, {status}")


def verify(root: Path) -> None:
    """Print time and peak memory of verifying a split."""
    start = time.perf_counter()
    report = validate_dataset(root, "train", "refer_youtube_vos")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"verify {report.videos} videos, {report.frames} frames: {seconds:.1f} s, peak {peak:.0f} MiB")


def in_process(work: object, *arguments: object) -> None:
    """Run a function in a process of its own, whose peak memory is its own."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=2006)
    parser.add_argument("--expressions", type=int, default=33072)
    parser.add_argument("--verified", type=int, default=150)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_mevis(root / "mevis/valid_u", options.videos, options.expressions)
        write_label_split(root / "labels", options.videos, options.expressions, 0)
        in_process(open_and_list, root / "mevis", "valid_u")
        in_process(open_and_list, root / "labels", "train")
        for count in (options.verified // 2, options.verified):
            write_label_split(root / f"verified{count}", count, count * options.expressions // options.videos, count)
            in_process(verify, root / f"verified{count}")


if __name__ == "__main__":
    main()
