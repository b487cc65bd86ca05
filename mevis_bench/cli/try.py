# ruff: noqa: N999 (a command's module has its name)
"""``mevis-bench try``: methods on one's own video."""

from pathlib import Path

from mevis_bench.cli import arguments, options

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def command(
    weights: options.Weights,
    method_dir: options.MethodDirs,
    video: arguments.TriedVideo,
    prompt: arguments.TriedPrompt,
    method: options.TriedMethods = "lmpmpp",
    task: options.TaskName = None,
    out: options.TriedOut = Path("try"),
    every: options.EveryNth = 1,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Run methods on your own video: overlay, strip of frames, masks, and the answer as text."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.cli.runs import ProgressBarCallback
    from mevis_bench.reports.overlay import Layer, describe, write_overlays
    from mevis_bench.reports.terminal import FactsTable, FittedTable, titled
    from mevis_bench.runs.try_methods import try_methods
    from mevis_bench.schemas.run_config import RunConfig

    sound = Path(prompt) if prompt.lower().endswith(SOUND_SUFFIXES) else None
    config = RunConfig(
        task=task or ("rvos" if sound is None else "avos"),
        method="",
        weights=tuple(weights),
        method_dir=tuple(method_dir),
        device=device,
    )
    with Bar("samples") as bar:
        callback = ProgressBarCallback(bar)
        outcome = try_methods(video, sound or prompt, method.split(","), out, config, every, callback)
    length = len(outcome.video)
    answers = [describe(attempt.prediction, length) for attempt in outcome.attempts]
    layers = [Layer(attempt.label, attempt.prediction) for attempt in outcome.attempts]
    files = {path.stem: path for path in write_overlays(outcome.video, layers, out)}
    if json:
        rows = [
            {"method": attempt.label, "provenance": attempt.provenance, "answer": answer, "run": str(attempt.run)}
            for attempt, answer in zip(outcome.attempts, answers, strict=True)
        ]
        print_json({"frames": length, "answers": rows, "files": {name: str(path) for name, path in files.items()}})
        return
    table = FittedTable(("method", "provenance", "answer"))
    for attempt, answer in zip(outcome.attempts, answers, strict=True):
        table.add_row(attempt.label, attempt.provenance, answer)
    notes = [NOTES[kind] for kind in NOTES if any(attempt.provenance == kind for attempt in outcome.attempts)]
    stdout().print(titled(prompt, table, *notes))
    stdout().print(FactsTable(files))


NOTES = {
    "trained-here": "trained-here: small weights from generated videos, no measure of the method on other footage.",
    "untrained": "untrained: random weights; the answer means nothing.",
}
