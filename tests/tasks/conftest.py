"""One METEOR process and one tokenization for all tests of this folder: starting Java takes seconds."""

from collections.abc import Iterator, Sequence

import pytest

from mevis_bench.metrics import captions, description
from mevis_bench.metrics.captions import Meteor


class SharedMeteor:
    """The session's METEOR for one aggregator, whose ``close`` leaves it running."""

    def __init__(self, meteor: Meteor) -> None:
        self.send, self.statistics, self.scores = meteor.send, meteor.statistics, meteor.scores

    def close(self) -> None:
        """No-op."""


@pytest.fixture(scope="session")
def java_session() -> Iterator[tuple[list[Meteor], dict[str, str]]]:
    started: list[Meteor] = []
    yield started, {}
    for meteor in started:
        meteor.close()


@pytest.fixture(autouse=True)
def shared_java(java_session: tuple[list[Meteor], dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    started, tokens = java_session
    tokenize = captions.tokenize

    def shared() -> SharedMeteor:
        if not started:
            started.append(Meteor())
        return SharedMeteor(started[0])

    def cached(sentences: Sequence[str]) -> list[str]:
        new = [sentence for sentence in sentences if sentence not in tokens]
        tokens.update(zip(new, tokenize(new) if new else [], strict=True))
        return [tokens[sentence] for sentence in sentences]

    monkeypatch.setattr(description, "Meteor", shared)
    monkeypatch.setattr(captions, "tokenize", cached)
