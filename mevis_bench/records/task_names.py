"""Names of the tasks with the types of their prompts and predictions; ``mevis_bench.tasks`` owns every other fact."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mevis_bench.records.prediction import (
    CaptionPrediction,
    MaskPrediction,
    PointPrediction,
    Prediction,
    TrackPrediction,
)
from mevis_bench.records.prompt import Prompt, SpeechPrompt, TargetMasks, TextPrompt


@dataclass(frozen=True, slots=True)
class TaskTypes:
    """Input and output of a method for one task.

    Attributes:
        prompt: Type of the prompts that the method is given.
        prediction: Type of the predictions that it returns, one per prompt.
        alternative: Another type that a method may return in its place; ``None``: there is none.
    """

    prompt: type[Prompt]
    prediction: type[Prediction]
    alternative: type[Prediction] | None = None

    @property
    def predictions(self) -> tuple[type[Prediction], ...]:
        """All types that a method may return."""
        return (self.prediction,) if self.alternative is None else (self.prediction, self.alternative)


TASK_TYPES: Mapping[str, TaskTypes] = {
    "rvos": TaskTypes(TextPrompt, MaskPrediction, PointPrediction),
    "avos": TaskTypes(SpeechPrompt, MaskPrediction, PointPrediction),
    "rmot": TaskTypes(TextPrompt, TrackPrediction),
    "rmeg": TaskTypes(TargetMasks, CaptionPrediction),
}
"""Types by task name, in the order in which tables and help texts list the tasks."""

TASK_NAMES: tuple[str, ...] = tuple(TASK_TYPES)


if TYPE_CHECKING:
    TaskName = str
else:
    TaskName = Literal[TASK_NAMES]
"""Type of a file's field that names a task; the values are checked when a file is read."""
