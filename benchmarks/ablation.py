"""Table 4 of the paper on the mini split: ablation of the language model and the contrastive loss.

    python -m benchmarks.ablation --extractor runs/train-lmpmpp-mini --seeds 3 --out runs/ablation [--set KEY=VALUE]
    mevis-bench data make-mini --split valid_u --videos 100 --seed 11 --out runs/mini-100
    python -m benchmarks.ablation --extractor runs/train-lmpmpp-mini --data runs/mini-100   # also on a larger split
    python -m benchmarks.ablation --extractor runs/train-lmpmpp-mini --set mini.opposite_orders=0 --out runs/other

Rows: (i) motion aggregation with a matching threshold, (ii) with the language model, (iii) with the contrastive loss;
and, in addition to the paper, the contrastive loss without the language model. For every seed, everything after the
extractor is trained twice, with and without the loss; the extractor and its tracks are shared. Each row is evaluated on
valid_u with the original and with shuffled frames. Running the same command again resumes a stopped ablation.
``<data>.md`` and ``<data>.json`` in ``--out`` hold the table of each split.

With ``mini.opposite_orders=0`` training videos hardly ever require the order of two moves, so it has to be learned from
the negatives of equation 1, which come from other videos.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from mevis_bench.reports.order_consistency import count_order_pairs
from mevis_bench.runs.run_split import open_split
from mevis_bench.runs.system_info import commit, system_info

ROWS: Mapping[str, tuple[str, str]] = {
    "(i) motion aggregation, threshold": ("plain", "lmpmpp:matcher"),
    "(ii) + language model": ("plain", "lmpmpp:mini"),
    "(iii) + contrastive loss": ("contrastive", "lmpmpp:mini"),
    "(iii) without language model": ("contrastive", "lmpmpp:matcher"),
}
"""For each row, the training (of ``TRAININGS``) of its weights and the method that runs them."""

TRAININGS: Mapping[str, str] = {"plain": "contrastive=false", "contrastive": "contrastive=true"}
"""Trainings of every seed and their settings."""

METRICS = ("J&F", "N-acc", "T-acc", "pairs", "swapped", "shuffled J&F", "shuffled pairs", "shuffled swapped")
"""``pairs``: order consistency, the share of order-pair sentences whose prediction fits the right one of two targets;
``swapped``: the other one. A method that ignores order has equal shares."""

SHARED = tuple(
    name
    for stage in ("extractor", "detection")
    for name in (f"checkpoints/{stage}.safetensors", f"curves/{stage}.json")
)

NO_SPEECH = ("mini.spoken_videos=0", "speech.steps=0")
"""Speech doubles the training time and is not in the table."""


def command(*words: str) -> None:
    """Run mevis-bench with its output on the terminal."""
    subprocess.run([sys.executable, "-m", "mevis_bench", *words], check=True)


def check_same(out: Path, changes: Sequence[str]) -> None:
    """Record the settings of the trainings in ``out``, or check that they are the same.

    Raises:
        SystemExit: ``out`` has trainings with other settings.
    """
    path = out / "settings.json"
    if path.exists() and json.loads(path.read_text()) != list(changes):
        previous = " ".join(f"--set {change}" for change in json.loads(path.read_text())) or "no --set"
        sys.exit(f"{out}: contains an ablation with {previous}\nUse the same settings, or another --out.")
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(changes)) + "\n")


def train(out: Path, source: Path, cache: Path, seed: int, changes: Sequence[str]) -> Path:
    """Train the stages after the extractor of ``source`` into ``out``; return the weights file."""
    weights = out / "mini.safetensors"
    if not weights.exists():
        out.mkdir(parents=True, exist_ok=True)
        cache.mkdir(exist_ok=True)
        if not (out / "cache").exists():
            (out / "cache").symlink_to(cache.resolve(), target_is_directory=True)
        for name in SHARED:
            if not (out / name).exists():
                (out / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(source / name, out / name)
        settings = [word for change in changes for word in ("--set", change)]
        command("train", "--method", "lmpmpp", "--variant", "mini", "--seed", str(seed), "--out", str(out), *settings)
    return weights


def evaluate(method: str, weights: Path, data: Path | None, out: Path) -> dict[str, float]:
    """Run and score one row on valid_u of ``data`` (``None``: mini), with original and shuffled frames."""
    values = {}
    for prefix, perturb in (("", "none"), ("shuffled ", "shuffle")):
        folder = out.with_name(f"{out.name}-{perturb}")
        arguments = ["run", "--task", "rvos", "--method", method, "--weights", f"model={weights}", "--perturb", perturb]
        location = () if data is None else ("--data", str(data))
        command(*arguments, *location, "--out", str(folder), "--json")
        metrics = json.loads((folder / "results.json").read_text())["metrics"]
        pairs = count_order_pairs(folder, open_split(folder).dataset)
        values |= {f"{prefix}{name}": metrics[name] for name in ("J&F", "N-acc", "T-acc")}
        values[f"{prefix}pairs"] = pairs.right / pairs.sentences
        values[f"{prefix}swapped"] = pairs.wrong / pairs.sentences
    return values


def to_markdown(scores: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Return the table of mean and standard deviation over seeds, in percent."""
    lines = ["| row | " + " | ".join(METRICS) + " |", "|---|" + "--:|" * len(METRICS)]
    for row, seeds in scores.items():
        cells = []
        for metric in METRICS:
            values = [100 * seed[metric] for seed in seeds]
            cells.append(f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else ""))
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def tabulate(out: Path, data: Path | None, trained: Sequence[Mapping[str, Path]], changes: Sequence[str]) -> None:
    """Evaluate all rows on one split; print the table and write it to ``out``. ``trained``: weights of each seed."""
    name = "mini" if data is None else data.name
    scores: dict[str, list[dict[str, float]]] = {row: [] for row in ROWS}
    for seed, weights in enumerate(trained):
        for row, (training, method) in ROWS.items():
            folder = out / f"seed-{seed}" / name / f"{training}-{method.partition(':')[2]}"
            scores[row].append(evaluate(method, weights[training], data, folder))
    at = system_info()
    about = {"data": name, "seeds": len(trained), "changes": changes, "commit": commit(), "machine": at}
    (out / f"{name}.json").write_text(json.dumps({**about, "rows": scores}, indent=1) + "\n")
    notes = (
        f"{name}; mean ± standard deviation over {len(trained)} seeds, percent; {' '.join(changes)}; "
        f"commit {commit() or 'unknown'}; {at['processor']}, {at['memory']}, {at['cores']} cores"
    )
    table = to_markdown(scores)
    (out / f"{name}.md").write_text(f"{table}\n{notes}\n")
    print(table)


def main() -> None:
    """Train all seeds, then evaluate on every split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extractor", type=Path, required=True, help="a finished training of lmpmpp:mini")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--data", type=Path, help="a MeViS folder whose valid_u is evaluated in addition to mini")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    check_same(arguments.out, arguments.changes)
    changes = [*arguments.changes, *NO_SPEECH]
    trained = [
        {
            name: train(
                arguments.out / f"seed-{seed}" / name,
                arguments.extractor,
                arguments.out / "cache",
                seed,
                [*changes, loss],
            )
            for name, loss in TRAININGS.items()
        }
        for seed in range(arguments.seeds)
    ]
    for data in (None, arguments.data) if arguments.data else (None,):
        tabulate(arguments.out, data, trained, changes)


if __name__ == "__main__":
    main()
