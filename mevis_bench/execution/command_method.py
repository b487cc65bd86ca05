"""A checkout of the authors' code, run as it is: for every video a MeViS folder in and a tree of PNG masks out."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mevis_bench.execution.process_group import ProcessGroup, describe_exit_code
from mevis_bench.execution.threads import thread_environment
from mevis_bench.files.names import safe_join
from mevis_bench.files.tree import Folder
from mevis_bench.methods.prompt_sequence import PromptSequence
from mevis_bench.records import DataError, MaskPrediction, MethodConfig, MethodError, Prompt, TextPrompt, Video
from mevis_bench.records.retry import RetryPolicy
from mevis_bench.schemas.method_file import CommandSpec
from mevis_bench.store.formats.official_png import PngPredictions
from mevis_bench.store.prediction_source import FrameSpec

SPLIT = "valid"
"""Name of the split that the command gets; like the real one it has no ground truth."""


class CommandMethod:
    """A method that is a command, run once per video (``records.Method``)."""

    def __init__(
        self, name: str, folder: Path, python: Path, command: CommandSpec, config: MethodConfig[Mapping[str, object]]
    ) -> None:
        """Check that the command can be run.

        Raises:
            MethodError: There is no checkout, or untrained weights are requested.
        """
        self._name, self._python, self._command, self._config = name, python, command, config
        self._checkout = folder / command.checkout
        self._retry = RetryPolicy()
        if not self._checkout.is_dir():
            raise MethodError(
                f"checkout of '{name}' not found",
                location=str(self._checkout),
                hint="Clone the authors' code (code: in method.yaml).",
            )
        if config.weights is None:
            raise MethodError(f"'{name}' runs a command, which cannot run untrained")

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """See ``records.Method``.

        Raises:
            MethodError: The command failed or timed out; carries its output tail.
            MethodUnavailableError: It failed three times in a row.
            DataError: A mask is missing or invalid.
        """
        sequence = PromptSequence.of(prompts)
        texts = {prompt.id: prompt.text for prompt in sequence.unmarked() if isinstance(prompt, TextPrompt)}
        names = tuple(f"{index:05}" for index in range(len(video)))
        self._retry.check(f"the command of '{self._name}'")
        with tempfile.TemporaryDirectory(prefix="mevis-bench-") as scratch:
            root, out = Path(scratch, "data"), Path(scratch, "out")
            out.mkdir()
            _write_split(root / SPLIT, video, names, texts)
            try:
                self._run(root, out)
            except MethodError as error:
                # The caller repeats an ambiguous call prompt by prompt; only what fails then is a failure.
                if not sequence.is_ambiguous(0):
                    self._retry.record_failure(error)
                raise
            self._retry.record_success()
            masks = PngPredictions(Folder(out))
            for position, expression_id in enumerate(texts):
                sequence.mark_read(position)  # from here on, a failure is this prompt's
                loaded = masks.read(expression_id, FrameSpec(video.id, names, video.height, video.width))
                yield MaskPrediction(loaded.rows.to_dense())

    def close(self) -> None:
        """No-op."""

    def _run(self, root: Path, out: Path) -> None:
        values = {
            "python": str(self._python),
            "checkout": str(self._checkout),
            "root": str(root),
            "split": SPLIT,
            "data": str(root / SPLIT),
            "out": str(out),
            "device": self._config.device,
            "seed": str(self._config.seed),
            **{f"weights.{name}": str(path.resolve()) for name, path in (self._config.weights or {}).items()},
            **{f"options.{key}": str(value) for key, value in self._config.options.items()},
        }
        arguments = [_substitute(argument, values) for argument in self._command.run]
        try:
            process = ProcessGroup(arguments, cwd=self._checkout, environment=thread_environment(self._config.device))
        except OSError as error:
            raise MethodError(f"cannot start the command of '{self._name}': {error}", location=arguments[0]) from error
        try:
            code = process.wait(self._command.video_seconds)
        finally:
            process.kill()
        if code != 0:
            timed_out = f"timed out after {self._command.video_seconds:g} s (command.video_seconds in method.yaml)"
            reason = timed_out if code is None else describe_exit_code(code)
            raise MethodError(process.describe_failure(f"the command of '{self._name}' {reason}"))


def _substitute(argument: str, values: Mapping[str, str]) -> str:
    """Replace every ``{name}`` by its value; values themselves are not expanded."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise DataError(f"this variant has no '{match[1]}' for the command", location=argument)
        return values[match[1]]

    return re.sub(r"\{(.*?)\}", value, argument)


def _write_split(folder: Path, video: Video, names: Sequence[str], texts: Mapping[str, str]) -> None:
    """Write a split of one video in MeViS's own layout; frames are links."""
    frames = safe_join(folder / "JPEGImages", video.id, kind="video id")
    frames.mkdir(parents=True)
    for name, path in zip(names, video.frame_paths, strict=True):
        (frames / f"{name}.jpg").symlink_to(path.resolve())
    expressions = {key: {"exp": text} for key, text in texts.items()}
    meta = {"videos": {video.id: {"expressions": expressions, "frames": list(names), "vid_id": 0}}}
    (folder / "meta_expressions.json").write_text(json.dumps(meta), encoding="utf-8")
