"""Consecutive failures are counted; the third ends the run with one hint."""

import pytest

from mevis_bench.records import MethodError
from mevis_bench.records.retry import RESUME_HINT, MethodUnavailableError, RetryPolicy


def test_the_third_failure_in_a_row_exhausts_the_policy() -> None:
    policy = RetryPolicy()
    for text in ("a", "b"):
        policy.record_failure(text)
        policy.check("a process")
    policy.record_failure(MethodError("exited with code 3", location="x"))
    with pytest.raises(MethodUnavailableError) as caught:
        policy.check("a process", "See the log")
    assert str(caught.value) == (
        "a process failed 3 times in a row; no more retries. Last failure: exited with code 3\n"
        f"{RESUME_HINT}\nSee the log"
    )


def test_a_success_starts_the_count_again() -> None:
    policy = RetryPolicy(max_consecutive_failures=2)
    policy.record_failure("a")
    policy.record_success()
    policy.record_failure("b")
    policy.check("a process")
    assert not policy.exhausted
    policy.record_failure("c")
    assert policy.exhausted
