"""The last line of `tracker doctor` says no more than the lines above it."""

import pytest

from client.connect.doctor.examine import conclusion
from client.connect.doctor.findings import Finding, failed, ok, skipped, warning

WELL, LOOK, BROKEN = ok("A", "works"), warning("B", "is old", "Look."), failed("C", "is gone", "Mend it.")


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ([WELL, skipped("D", "not here")], "All steps work."),
        ([WELL, LOOK], "No step failed; 1 step marked with ! needs a look."),
        ([LOOK, LOOK, WELL], "No step failed; 2 steps marked with ! need a look."),
        ([WELL, LOOK, BROKEN], "1 of 3 steps failed."),
    ],
)
def test_the_conclusion_counts_what_failed_and_what_needs_a_look(findings: list[Finding], line: str) -> None:
    assert conclusion(findings) == line
