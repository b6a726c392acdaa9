"""A total of Claude Code that cannot be true is left out and reported; one that can is kept."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.worker.importers.formats.plausible_records import plausible
from services.worker.persist.records import ClientCosts, RecordError, SessionFacts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MILLION_USD = 10**15


@pytest.mark.parametrize(("nano_usd", "is_kept"), [(MILLION_USD, True), (MILLION_USD + 1, False)])
def test_total_of_more_than_a_million_dollars_is_left_out(nano_usd: int, *, is_kept: bool) -> None:
    facts = SessionFacts(id=UUID(int=1), session_id="s", source="transcript", client_costs=ClientCosts(cost_nano_usd=nano_usd))

    [*errors, kept] = plausible([facts], NOW)

    assert isinstance(kept, SessionFacts)
    assert (kept.client_costs is not None) is is_kept
    assert [type(each) for each in errors] == ([] if is_kept else [RecordError])
