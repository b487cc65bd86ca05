"""Parameter groups of a module's trained parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from mevis_bench.records.training import ParameterGroup


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A parameter group by names.

    Attributes:
        name: Name of the group.
        matches: Whether a parameter belongs to it, by its qualified name.
        rate: Learning rate.
        weight_decay: Weight decay.
    """

    name: str
    matches: Callable[[str], bool]
    rate: float
    weight_decay: float


def every_parameter(name: str) -> bool:
    """Match all names: the last rule."""
    return True


def group_parameters(module: nn.Module, rules: Sequence[GroupRule]) -> list[ParameterGroup]:
    """Divide the parameters that require a gradient; each joins the first rule that matches. Empty groups are left out.

    Raises:
        ValueError: No rule matches a parameter.
    """
    members: list[list[nn.Parameter]] = [[] for _ in rules]
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            number = next((number for number, rule in enumerate(rules) if rule.matches(name)), None)
            if number is None:
                raise ValueError(f"no rule matches parameter {name}")
            members[number].append(parameter)
    return [
        ParameterGroup(rule.name, own, rule.rate, rule.weight_decay)
        for rule, own in zip(rules, members, strict=True)
        if own
    ]


def group_by_shape(module: nn.Module, rate: float, weight_decay: float) -> list[ParameterGroup]:
    """Divide the parameters that require a gradient: matrices have weight decay, vectors have none."""
    shapes = {name: parameter.dim() for name, parameter in module.named_parameters()}
    rules = [
        GroupRule("matrices", lambda name: shapes[name] > 1, rate, weight_decay),
        GroupRule("vectors", every_parameter, rate, 0.0),
    ]
    return group_parameters(module, rules)
