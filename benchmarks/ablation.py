"""Table 4 of the paper on the embedded split: what the language model adds, and what the contrastive loss adds.

    python -m benchmarks.ablation --extractor runs/train-lmpmpp-mini --seeds 3 --out runs/ablation [--set KEY=VALUE]
    mevis-bench data make-mini --split valid_u --videos 100 --seed 11 --out runs/mini-100
    python -m benchmarks.ablation --extractor runs/train-lmpmpp-mini --data runs/mini-100   # on a larger split, too
    python -m benchmarks.ablation --extractor runs/train-lmpmpp-mini --set mini.opposite_orders=0 --out runs/other

Rows: (i) motion aggregation with a matching threshold, (ii) with the language model, (iii) with the contrastive loss;
and, which the paper has not, the contrastive loss without the language model. Every seed trains everything behind the
extractor twice, with the loss and without; all share the extractor and the tracks it finds. Each row is run on valid_u
as it is and with its frames shuffled. A stopped ablation goes on with the same command; what was trained and measured
is kept. ``<data>.md`` and ``<data>.json`` in ``--out`` hold the table of each split.

With ``mini.opposite_orders=0`` hardly anything in a training video asks which of two moves came first, so that order
has to be learned from elsewhere: from the other videos, which equation 1 sets a sentence against.
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
from mevis_bench.runs.system_info import commit, machine

ROWS: Mapping[str, tuple[str, str]] = {
    "(i) motion aggregation, threshold": ("plain", "lmpmpp:matcher"),
    "(ii) + language model": ("plain", "lmpmpp:mini"),
    "(iii) + contrastive loss": ("contrastive", "lmpmpp:mini"),
    "(iii) without language model": ("contrastive", "lmpmpp:matcher"),
}
"""Which of ``TRAININGS`` a row's weights are from, and what runs them."""

TRAININGS: Mapping[str, str] = {"plain": "contrastive=false", "contrastive": "contrastive=true"}
"""What every seed trains, and the setting that makes it so."""

METRICS = ("J&F", "N-acc", "T-acc", "pairs", "swapped", "shuffled J&F", "shuffled pairs", "shuffled swapped")
"""``pairs``: of the sentences that differ only in the order of moves, the share answered with the right one of the two
targets; ``swapped``: with the other one. Who does not know the order answers as often with either."""

SHARED = ("extractor.safetensors", "extractor.json", "detection.safetensors", "detection.json")

NO_SPEECH = ("mini.spoken_videos=0", "speech.steps=0")
"""Speech takes as long to learn as all else, and the table does not ask for it."""


def command(*words: str) -> None:
    """Run mevis-bench; what it says goes to the terminal."""
    subprocess.run([sys.executable, "-m", "mevis_bench", *words], check=True)


def check_same(out: Path, changes: Sequence[str]) -> None:
    """Remember in ``out`` what its trainings were told, so that none is ever taken for another.

    Raises:
        SystemExit: They were told something else.
    """
    path = out / "settings.json"
    if path.exists() and json.loads(path.read_text()) != list(changes):
        told = " ".join(f"--set {change}" for change in json.loads(path.read_text())) or "no --set"
        sys.exit(f"{out}: holds an ablation with {told}\nGive the same, or another --out.")
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(changes)) + "\n")


def train(out: Path, source: Path, cache: Path, seed: int, changes: Sequence[str]) -> Path:
    """Train into ``out`` what comes after the extractor, which is finished in ``source``; return the weights."""
    weights = out / "mini.safetensors"
    if not weights.exists():
        out.mkdir(parents=True, exist_ok=True)
        cache.mkdir(exist_ok=True)
        if not (out / "cache").exists():
            (out / "cache").symlink_to(cache.resolve(), target_is_directory=True)
        for name in SHARED:
            if not (out / name).exists():
                shutil.copyfile(source / name, out / name)
        settings = [word for change in changes for word in ("--set", change)]
        command("train", "--method", "lmpmpp", "--variant", "mini", "--seed", str(seed), "--out", str(out), *settings)
    return weights


def measure(method: str, weights: Path, data: Path | None, out: Path) -> dict[str, float]:
    """Run and score one row on valid_u of ``data`` (``None``: the embedded one), as it is and shuffled."""
    values = {}
    for prefix, perturb in (("", "none"), ("shuffled ", "shuffle")):
        folder = out.with_name(f"{out.name}-{perturb}")
        asked = ["run", "--task", "rvos", "--method", method, "--weights", f"model={weights}", "--perturb", perturb]
        location = () if data is None else ("--data", str(data))
        command(*asked, *location, "--out", str(folder), "--json")
        metrics = json.loads((folder / "results.json").read_text())["metrics"]
        pairs = count_order_pairs(folder, data=data)
        values |= {f"{prefix}{name}": metrics[name] for name in ("J&F", "N-acc", "T-acc")}
        values[f"{prefix}pairs"] = pairs.right / pairs.sentences
        values[f"{prefix}swapped"] = pairs.wrong / pairs.sentences
    return values


def to_markdown(measured: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Mean and standard deviation over seeds, in percent."""
    lines = ["| row | " + " | ".join(METRICS) + " |", "|---|" + "--:|" * len(METRICS)]
    for row, seeds in measured.items():
        cells = []
        for metric in METRICS:
            values = [100 * seed[metric] for seed in seeds]
            cells.append(f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else ""))
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def tabulate(out: Path, data: Path | None, trained: Sequence[Mapping[str, Path]], changes: Sequence[str]) -> None:
    """Measure all rows on one split; print the table and leave it in ``out``. ``trained``: the weights of each seed."""
    name = "mini" if data is None else data.name
    measured: dict[str, list[dict[str, float]]] = {row: [] for row in ROWS}
    for seed, weights in enumerate(trained):
        for row, (training, method) in ROWS.items():
            place = out / f"seed-{seed}" / name / f"{training}-{method.partition(':')[2]}"
            measured[row].append(measure(method, weights[training], data, place))
    at = machine()
    about = {"data": name, "seeds": len(trained), "changes": changes, "commit": commit(), "machine": at}
    (out / f"{name}.json").write_text(json.dumps({**about, "rows": measured}, indent=1) + "\n")
    notes = (
        f"{name}; mean ± standard deviation over {len(trained)} seeds, percent; {' '.join(changes)}; "
        f"commit {commit() or 'unknown'}; {at['processor']}, {at['memory']}, {at['cores']} cores"
    )
    table = to_markdown(measured)
    (out / f"{name}.md").write_text(f"{table}\n{notes}\n")
    print(table)


def main() -> None:
    """Train all seeds, then measure on every split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extractor", type=Path, required=True, help="a finished training of lmpmpp:mini")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--data", type=Path, help="a MeViS folder whose valid_u is measured on, too")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args()
    check_same(asked.out, asked.changes)
    changes = [*asked.changes, *NO_SPEECH]
    trained = [
        {
            name: train(asked.out / f"seed-{seed}" / name, asked.extractor, asked.out / "cache", seed, [*changes, loss])
            for name, loss in TRAININGS.items()
        }
        for seed in range(asked.seeds)
    ]
    for data in (None, asked.data) if asked.data else (None,):
        tabulate(asked.out, data, trained, changes)


if __name__ == "__main__":
    main()
