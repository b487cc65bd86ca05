"""Published tables as data: ``configs/paper/table_<NN>.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from mevis_bench.records.task_names import TaskName


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One row of a table.

    Attributes:
        method: Name as printed.
        ours: ``name`` or ``name:variant`` of the method in this benchmark; ``None``: not part of it.
        reference: Publication of the method.
        values: Values by column, as printed (percent); ``None``: not reported; text where the table has text.
        backbone: Backbone as printed; ``None``: the table has no such column.
        mini: ``name:variant`` of the mini variant that a leaderboard shows beside the row, where ``ours`` names another
            variant; ``None``: every variant without a row of its own stands for the method.
    """

    method: str
    ours: str | None
    reference: str
    values: Mapping[str, int | float | str | None]
    backbone: str | None = None
    mini: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedDataSet:
    """One of several data sets of a table.

    Attributes:
        data_set: Name of the data set in this benchmark.
        protocol: Scoring protocol of its numbers.
        split: Split that they are of.
    """

    data_set: str
    protocol: str
    split: str


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One table.

    Attributes:
        table: Number of the table.
        title: Its title.
        task: Task of its numbers.
        data: Data set of its numbers.
        protocol: Scoring protocol of its numbers; ``None``: the task has one protocol only, or it is unknown.
        columns: Names of the columns, in order. In a table of several data sets ``<metric> (<data set>)``.
        rows: Rows, in order.
        data_sets: Data sets of a table of several ones, by their names in its columns.
    """

    table: Annotated[int, Meta(ge=1)]
    title: str
    task: TaskName
    data: str
    protocol: str | None
    columns: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    data_sets: Mapping[str, PublishedDataSet] = field(default_factory=dict)
