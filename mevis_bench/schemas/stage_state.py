"""State of a training stage in its checkpoints, and its curves."""

from dataclasses import dataclass

Points = list[dict[str, int | float | None]]
"""Points of a curve: ``step`` and values by name; null: not finite."""


MAX_THREADS = 4096
"""Upper bound of the threads of a process."""


@dataclass(slots=True)
class StageState:
    """State of a stage, besides its tensors; the training loop changes it.

    Attributes:
        step: Optimizer steps done.
        curve: Points of the loss curve: ``step`` and the mean of each loss since the point before; null: not finite.
        evaluations: Results of the evaluations: ``step`` and the metrics; null: not finite.
        best: Largest value of the stage's best metric so far; null: there is none.
        best_step: Its step.
        threads: CPU threads of torch in each process; sums depend on them, so a resumed training has as many. null: not
            recorded.
    """

    step: int
    curve: Points
    evaluations: Points
    best: float | None
    best_step: int | None
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.threads is not None and not 1 <= self.threads <= MAX_THREADS:
            raise ValueError(f"'threads': expected 1 to {MAX_THREADS}, got {self.threads}")
        for name, points in (("curve", self.curve), ("evaluations", self.evaluations)):
            steps = [0, *(point.get("step") for point in points), self.step]
            if not all(type(step) is int for step in steps) or steps != sorted(steps, key=lambda step: step or 0):
                raise ValueError(f"'{name}': expected a 'step' in every point, increasing, at most {self.step}")


@dataclass(frozen=True, slots=True)
class StageCurves:
    """Curves of a stage, for people and plots.

    Attributes:
        losses: Points of the loss curve, as ``curve`` of the state.
        evaluations: Results of the evaluations.
    """

    losses: Points
    evaluations: Points
