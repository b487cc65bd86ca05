"""A checkout of someone's code, run as it is: for every video a MeViS folder in and a tree of PNG masks out."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mevis_bench.execution.isolated import CrashCounter
from mevis_bench.execution.process_group import ProcessGroup, ending
from mevis_bench.files.names import safe_join
from mevis_bench.files.tree import Folder
from mevis_bench.methods.method_spec import CommandSpec
from mevis_bench.records import DataError, MaskPrediction, MethodConfig, MethodError, Prompt, TextPrompt, Video
from mevis_bench.store.formats.official_png import PngPredictions
from mevis_bench.store.prediction_source import FrameSpec

SPLIT = "valid"
"""Name of the split that the command is shown; like the real one it has no truth."""


class CommandMethod:
    """Answers by running a command once a video (``records.Method``)."""

    def __init__(self, name: str, folder: Path, python: Path, command: CommandSpec, setup: MethodConfig) -> None:
        """Check that there is something to run.

        Raises:
            MethodError: There is no checkout, or untrained weights are asked for.
        """
        self._name, self._python, self._command, self._setup = name, python, command, setup
        self._checkout = folder / command.checkout
        self._deaths = CrashCounter(name)
        if not self._checkout.is_dir():
            what = f"the checkout of '{name}' is not there"
            raise MethodError(
                what, location=str(self._checkout), hint="Clone the authors' code (code: in method.yaml)."
            )
        if setup.weights is None:
            raise MethodError(f"'{name}' runs a command; it can't be told to run untrained")

    def predict(self, video: Video, prompts: Sequence[Prompt]) -> Iterator[MaskPrediction]:
        """See ``records.Method``.

        Raises:
            MethodError: The command failed or took too long; carries its last lines.
            MethodUnavailableError: It failed three times in a row.
            DataError: A mask is missing or broken.
        """
        texts = {prompt.id: prompt.text for prompt in prompts if isinstance(prompt, TextPrompt)}
        names = tuple(f"{index:05}" for index in range(len(video)))
        self._deaths.check()
        with tempfile.TemporaryDirectory(prefix="mevis-bench-") as scratch:
            root, out = Path(scratch, "data"), Path(scratch, "out")
            out.mkdir()
            _write_split(root / SPLIT, video, names, texts)
            try:
                self._run(root, out)
            except MethodError as error:
                self._deaths.add(error)
                raise
            self._deaths.forget()
            masks = PngPredictions(Folder(out))
            for prompt in prompts:
                answer = masks.read(prompt.id, FrameSpec(video.id, names, video.height, video.width))
                yield MaskPrediction(answer.rows.to_dense())

    def close(self) -> None:
        """Nothing is held between videos."""

    def _run(self, root: Path, out: Path) -> None:
        places = {
            "python": str(self._python),
            "checkout": str(self._checkout),
            "root": str(root),
            "split": SPLIT,
            "data": str(root / SPLIT),
            "out": str(out),
            "device": self._setup.device,
            "seed": str(self._setup.seed),
            **{f"weights.{name}": str(path.resolve()) for name, path in (self._setup.weights or {}).items()},
            **{f"options.{key}": str(value) for key, value in self._setup.options.items()},
        }
        arguments = [_filled(each, places) for each in self._command.run]
        try:
            process = ProcessGroup(arguments, cwd=self._checkout)
        except OSError as error:
            raise MethodError(
                f"the command of '{self._name}' can't be started: {error}", location=arguments[0]
            ) from error
        try:
            code = process.wait(self._command.video_seconds)
        finally:
            process.kill()
        if code != 0:
            took = f"took longer than {self._command.video_seconds:g} s and was stopped"
            what = took if code is None else ending(code)
            words = process.output_tail()
            said = f"; its last lines:\n{words}" if words else "; it printed nothing"
            raise MethodError(f"the command of '{self._name}' {what}{said}")


def _filled(argument: str, places: Mapping[str, str]) -> str:
    """Put values in for ``{name}``; a value is never looked at again."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in places:
            raise DataError(f"this variant has no '{match[1]}' for the command", location=argument)
        return places[match[1]]

    return re.sub(r"\{(.*?)\}", value, argument)


def _write_split(folder: Path, video: Video, names: Sequence[str], texts: Mapping[str, str]) -> None:
    """Write a split of one video in MeViS's own layout; frames are links."""
    frames = safe_join(folder / "JPEGImages", video.id, kind="video id")
    frames.mkdir(parents=True)
    for name, path in zip(names, video.frame_paths, strict=True):
        (frames / f"{name}.jpg").symlink_to(path.resolve())
    expressions = {key: {"exp": text} for key, text in texts.items()}
    meta = {"videos": {video.id: {"expressions": expressions, "frames": list(names), "vid_id": 0}}}
    (folder / "meta_expressions.json").write_text(json.dumps(meta))
