"""Slices of a split: named conditions on per-sample columns, written as Python comparisons, parsed without eval."""

import ast
import operator
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from mevis_bench.metrics.aggregation import Values
from mevis_bench.records import UsageError
from mevis_bench.records.bounds import Bounds
from mevis_bench.records.suggestion import did_you_mean


@dataclass(frozen=True, slots=True)
class Slice:
    """A named condition.

    Attributes:
        name: Heading in tables.
        condition: For instance ``targets >= 2 and moving < 0.3``.
        location: File and line of the condition, for messages.
    """

    name: str
    condition: str
    location: str = "built in"

    def matches(self, values: Values) -> bool:
        """Return whether a sample belongs to the slice; a comparison with an undefined value is false.

        Raises:
            UsageError: The condition is invalid, or names a column that samples do not have.
        """
        return _evaluate(_parse(self), values, self)

    def check(self, columns: Collection[str]) -> None:
        """Check the condition before any sample is scored.

        Args:
            columns: Names of the columns that samples will have.

        Raises:
            UsageError: See :meth:`matches`.
        """
        self.matches(dict.fromkeys(columns, 1.0))


ALL_SAMPLES = "all"
"""Name of the slice of all samples, in reports."""

BUILT_IN: tuple[Slice, ...] = (
    Slice("single", "targets == 1"),
    Slice("multi", "targets >= 2"),
    Slice("no-target", "targets == 0"),
    Slice("motion-fleeting", "moving < 1/3"),
    Slice("motion-medium", "1/3 <= moving < 2/3"),
    Slice("motion-long", "moving >= 2/3"),
    Slice("size-small", "size < 0.01"),
    Slice("size-medium", "0.01 <= size < 0.1"),
    Slice("size-large", "size >= 0.1"),
    Slice("video-short", "frames < 50"),
    Slice("video-medium", "50 <= frames < 100"),
    Slice("video-long", "frames >= 100"),
    Slice("reappearing", "returns >= 1"),
)
"""``moving``, ``size`` and the other columns are those of :func:`mevis_bench.metrics.targets.target_columns`."""

BOUNDS = Bounds(files="Conditions of slices", limits={"characters": 1000, "levels of nesting": 50})

_COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_HINT = "Allowed: column names, numbers, + - * /, < <= > >= == !=, and, or, not, brackets."


def _parse(slice_: Slice) -> ast.expr:
    BOUNDS.check("characters", len(slice_.condition), slice_.location)
    try:
        root = ast.parse(slice_.condition.strip(), mode="eval").body
        level: list[ast.AST] = [root]
        for _ in range(BOUNDS.limit("levels of nesting")):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise RecursionError
        return root
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(
            f"slice {slice_.name!r}: invalid condition {slice_.condition!r}", location=slice_.location, hint=_HINT
        ) from None


def _evaluate(node: ast.expr, values: Values, slice_: Slice) -> bool:
    if isinstance(node, ast.BoolOp):
        combine = all if isinstance(node.op, ast.And) else any
        return combine([_evaluate(child, values, slice_) for child in node.values])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _evaluate(node.operand, values, slice_)
    if isinstance(node, ast.Compare) and all(type(sign) in _COMPARISONS for sign in node.ops):
        numbers = [_number(child, values, slice_) for child in (node.left, *node.comparators)]
        pairs = zip(numbers, node.ops, numbers[1:], strict=False)
        return all(a is not None and b is not None and _COMPARISONS[type(sign)](a, b) for a, sign, b in pairs)
    raise _invalid(node, slice_)


def _number(node: ast.expr, values: Values, slice_: Slice) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        if abs(node.value) > sys.float_info.max:
            raise _invalid(node, slice_)
        return float(node.value)
    if isinstance(node, ast.Name):
        if node.id not in values:
            columns = sorted(name for name in values if name.isidentifier())
            message = f"slice {slice_.name!r}: unknown column {node.id!r}"
            raise UsageError(message, location=slice_.location, hint=did_you_mean(node.id, columns))
        return values[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operand = _number(node.operand, values, slice_)
        return None if operand is None else -operand
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        a, b = _number(node.left, values, slice_), _number(node.right, values, slice_)
        if a is None or b is None or (isinstance(node.op, ast.Div) and b == 0):
            return None
        return _ARITHMETIC[type(node.op)](a, b)
    raise _invalid(node, slice_)


def _invalid(node: ast.expr, slice_: Slice) -> UsageError:
    source = str(ast.get_source_segment(slice_.condition.strip(), node))[:60]
    return UsageError(f"slice {slice_.name!r}: {source!r} is not allowed", location=slice_.location, hint=_HINT)
