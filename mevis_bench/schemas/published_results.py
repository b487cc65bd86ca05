"""Published results of others as data: ``configs/published/<name>.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from mevis_bench.records.task_names import TaskName

Evidence = Literal["organizers", "report", "model card", "summary"]


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """One published result.

    Attributes:
        method: Name as published, or what it consists of.
        reference: Publication: an arXiv number, or where it has a name of its own, that.
        evidence: Where the numbers were read: ``organizers``: their leaderboard; ``report``: the authors' text;
            ``model card``: the page of the weights; ``summary``: a text of others about it.
        values: Values by column (percent); a column that is not here was not published.
        team: Team and its institution; ``None``: not a challenge, or not known.
        rank: Place in a challenge; ``None``: it is none.
        ours: ``name`` or ``name:variant`` of the method in this benchmark; ``None``: not part of it.
    """

    method: str
    reference: str
    evidence: Evidence
    values: Mapping[str, Annotated[float, Meta(ge=0, le=100)]]
    team: str | None = None
    rank: Annotated[int, Meta(ge=1)] | None = None
    ours: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedResults:
    """Results that one source compares by one protocol.

    Attributes:
        title: Title of the table.
        task: Task of the numbers.
        data_set: Name of the data set in this benchmark.
        split: Its split; ``test`` where it is the hidden test set of a challenge.
        protocol: Scoring protocol in this benchmark; ``None``: that of the source's own code, see ``rule``.
        rule: Computation and order of the numbers, in a sentence.
        source: Publication that compares them.
        columns: Names of the columns, in order.
        rows: Results, in order of the source.
    """

    title: str
    task: TaskName
    data_set: str
    split: str
    protocol: str | None
    rule: str
    source: str
    columns: Annotated[tuple[str, ...], Meta(min_length=1)]
    rows: Annotated[tuple[PublishedResult, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        for row in self.rows:
            unknown = [name for name in row.values if name not in self.columns]
            if unknown:
                raise ValueError(f"row {row.method!r}: column {unknown[0]!r} is missing in 'columns'")
