"""Learning-rate schedules: a factor on each parameter group's rate for every optimizer step."""

import math
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """A learning-rate schedule."""

    def factor(self, step: int, steps: int) -> float:
        """Return the factor on the rate in step ``step`` of 0..steps-1."""
        ...


@dataclass(frozen=True, slots=True)
class ConstantSchedule:
    """The rate never changes."""

    def factor(self, step: int, steps: int) -> float:
        """See :class:`Schedule`."""
        return 1.0


@dataclass(frozen=True, slots=True)
class WarmupCosineSchedule:
    """Linear warm-up, then half a cosine down to ``final``.

    Attributes:
        warm_up: Steps of the warm-up; its last step has the full rate.
        final: Factor that the cosine approaches.
    """

    warm_up: int = 0
    final: float = 0.0

    def factor(self, step: int, steps: int) -> float:
        """See :class:`Schedule`."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        progress = (step - self.warm_up) / max(1, steps - self.warm_up)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True, slots=True)
class MultiStepSchedule:
    """The rate is multiplied by ``gamma`` at each milestone.

    Attributes:
        milestones: Shares of the training, 0..1, so that a shortened training keeps the shape of the schedule.
        gamma: Factor at each milestone.
    """

    milestones: tuple[float, ...]
    gamma: float = 0.1

    def factor(self, step: int, steps: int) -> float:
        """See :class:`Schedule`; a milestone counts from step ``round(milestone * steps)`` on."""
        return self.gamma ** sum(step >= round(milestone * steps) for milestone in self.milestones)


@dataclass(frozen=True, slots=True)
class PolynomialSchedule:
    """``(1 - step / steps) ** power``, as in DeepLab.

    Attributes:
        power: Exponent.
    """

    power: float = 0.9

    def factor(self, step: int, steps: int) -> float:
        """See :class:`Schedule`."""
        return float((1 - step / steps) ** self.power)
