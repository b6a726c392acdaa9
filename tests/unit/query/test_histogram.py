"""Histograms of times: read from vectors, added to and taken from, with percentiles within 2 % of exact."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.queries.stats.histogram import NO_PERCENTILES, Histogram
from services.query.queries.stats.packed_counters import TIMES_DIGITS, counters, unpacked

times = st.lists(st.integers(0, 10**7), max_size=60)


def bucket_of(ms: int) -> int:
    """As latency_bucket() of the schema."""
    return -1 if ms == 0 else math.ceil(round(math.log(ms) / math.log(1.02), 9))


def vector_of(times: list[int]) -> str:
    calls = Counter(bucket_of(ms) + 1 for ms in times)
    return "".join(f"{calls[place]:0{TIMES_DIGITS}}" for place in range(max(calls, default=0), -1, -1)).lstrip("0") or "0"


@given(times, times, times, times)
def test_percentiles_are_those_of_what_was_added_and_not_taken_away(
    vector: list[int], other: list[int], added: list[int], taken: list[int]
) -> None:
    histogram = Histogram()
    for each in (vector + taken, other):
        histogram.add_vector(vector_of(each))
    for ms in added:
        histogram.add(bucket_of(ms), 1)
    for ms in taken:
        histogram.add(bucket_of(ms), -1)

    left = sorted(vector + other + added)
    found = histogram.percentiles()
    assert (found == NO_PERCENTILES) is (not left)
    assert found.calls == len(left)
    for shown, percent in ((found.p50_ms, 50), (found.p95_ms, 95), (found.p99_ms, 99)) if left else ():
        exact = left[math.ceil(percent * len(left) / 100) - 1]
        assert shown == pytest.approx(exact, rel=0.01, abs=0.02)


@given(times)
def test_all_counters_of_a_vector_are_those_that_are_not_0_in_their_places(times: list[int]) -> None:
    vector = vector_of(times)
    assert [(place, calls) for place, calls in enumerate(unpacked(vector, TIMES_DIGITS)) if calls] == list(counters(vector, TIMES_DIGITS))
