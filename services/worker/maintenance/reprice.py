"""Prices stored calls by the prices of today: some in each transaction, with their sessions. All sums agree with the rows after each.

It goes from session to session, so that it counts each of them once. A dry run takes the same steps, without locks, and counts. Counts by
model are committed with the change. A second run changes nothing: only a call whose cost differs is written.

A call that nothing prices now keeps its cost, unless a price of one's own gave it that was taken back.
How it goes from step to step is in maintenance/staged_job.py.
"""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec import Struct, convert, to_builtins
from psycopg import Connection
from psycopg.rows import dict_row

from services.worker import lock_order
from services.worker.maintenance.staged_job import Counts, Done, Place, Stage, StagedJob
from services.worker.persist.derived_values import stored_prices
from services.worker.persist.derived_values.pricing import TOKEN_COLUMNS, UNKNOWN, Price, Tokens, price_of
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.resources import Resources
from services.worker.sql_text import sql
from shared.jobs import REPRICE
from shared.prices import OWN_PREFIX, like_pattern
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "reprice.sql")

# The calls that one transaction looks at. Other writers of the same sessions wait for it.
CALLS_AT_ONCE: Final = 500
# After a step it rests for as long as the step took, and at most for this: live events come first.
MOST_REST_SECONDS: Final = 0.5

_COSTS: Final = ("cost_nano_usd", "uncached_nano_usd", "cache_saved_nano_usd", "cache_write_nano_usd")
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"


class ModelCounts(Struct, kw_only=True):
    """The calls of a model ('': without one) that a run has looked at, and those that it changed, or would change. Money in 10^-9 USD."""

    model: str
    calls: int = 0
    changed_calls: int = 0
    # With a changed call; calls without a session are in none.
    changed_sessions: int = 0
    # Costs of the changed calls; 0 for those that have none.
    old_nano_usd: int = 0
    new_nano_usd: int = 0
    newly_priced: int = 0
    no_longer_priced: int = 0
    # Have no cost before and after.
    unpriced_calls: int = 0
    # Calls of sessions that retention has dropped. They have no rows, so their cost stays.
    dropped_calls: int = 0
    dropped_nano_usd: int = 0

    @property
    def numbers(self) -> dict[str, int]:
        """All but the model's name."""
        return {name: getattr(self, name) for name in self.__struct_fields__[1:]}


class Step(NamedTuple):
    """The arguments of a stage. `connection` is in a transaction, in which its progress and its counts are written too."""

    connection: Connection[Any]
    after: str | None
    is_dry_run: bool
    # from_at, to_at and model, as the statements take them.
    wanted: dict[str, Any]


class _After(Struct, array_like=True):
    """A place among the calls, and the models of which this session has been counted."""

    session_id: str = ""
    at: str = "-infinity"
    id: str = _NO_ID
    counted: list[str] = []


def next_calls(*, has_session: bool) -> str:
    """Selects the next calls of the range."""
    return sql(
        _SQL.next if has_session else _SQL.next_without_session, wanted=sql(_SQL.wanted, at="occurred_at", model="coalesce(model, '')")
    )


def dropped_calls() -> str:
    """Selects what the base has of the range, by model."""
    return sql(_SQL.dropped, wanted=sql(_SQL.wanted, at="bucket_start", model="coalesce(model, '')"))


def _wait_for_batches(step: Step) -> Done:
    """A batch that was priced before the prices changed is stored behind this, and gone over; a later one has the new prices."""
    lock_order.lock_writing_exclusive(step.connection)
    return Done(None)


def _price_some(step: Step, *, has_session: bool = True) -> Done:
    """The next calls."""
    after = convert(json.loads(step.after), _After) if step.after else _After()
    place = {"session_id": after.session_id, "at": after.at, "id": after.id, "limit": CALLS_AT_ONCE}
    with step.connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(next_calls(has_session=has_session).encode(), step.wanted | place).fetchall()
        if not found:
            return Done(None)
        parameters = {"ids": [call["id"] for call in found], "session_ids": sorted({call["session_id"] for call in found} - {None})}
        if not step.is_dry_run:
            lock_order.lock_writing_shared(step.connection)
            cursor.execute(LOCK_SESSIONS, parameters)
        calls = cursor.execute(_SQL.calls + ("" if step.is_dry_run else " FOR UPDATE"), parameters).fetchall()
        stored_prices.refresh(step.connection)
        changes = [(call, price) for call in calls if (price := _new_price(call)) is not None]
        if changes and not step.is_dry_run:
            cursor.execute(_SQL.reprice, _columns(changes))
    counts = _counted(calls, {call["id"]: price for call, price in changes}, after)
    last = found[-1]
    counted = after.counted if (last["session_id"] or "") == after.session_id else []
    if last["session_id"] is not None:
        counted = sorted({*counted, *(_name(call) for call, _ in changes if call["session_id"] == last["session_id"])})
    return Done(json.dumps(to_builtins(_After(last["session_id"] or "", last["at"], str(last["id"]), counted))), _by_model(counts))


def _new_price(call: Mapping[str, Any]) -> Price | None:
    """The price of a call by today's prices; None if its stored cost stays."""
    if call["occurred_at"] is None or call["model"] is None:
        return None
    tokens = Tokens(*(call[name] for name in TOKEN_COLUMNS))
    price = price_of(call["model"], call["occurred_at"], tokens, is_fast=call["is_fast"], geo=call["inference_geo"])
    if price == UNKNOWN and not (call["price_version"] or "").startswith(OWN_PREFIX):
        return None
    new = (price.nano_usd, price.uncached_nano_usd, price.cache_saved_nano_usd, price.cache_write_nano_usd)
    return None if new == tuple(call[name] for name in _COSTS) else price


def _columns(changes: list[tuple[dict[str, Any], Price]]) -> dict[str, Any]:
    return {
        "ids": [call["id"] for call, _ in changes],
        "costs": [price.nano_usd for _, price in changes],
        "uncached": [price.uncached_nano_usd for _, price in changes],
        "saved": [price.cache_saved_nano_usd for _, price in changes],
        "written": [price.cache_write_nano_usd for _, price in changes],
        "versions": [price.version for _, price in changes],
    }


def _counted(calls: Iterable[Mapping[str, Any]], new: Mapping[UUID, Price], after: _After) -> tuple[ModelCounts, ...]:
    """By model. A session that was begun in the step before is not counted again."""
    by_model: dict[str, ModelCounts] = {}
    sessions = {(after.session_id, model) for model in after.counted}
    for call in calls:
        counts = by_model.setdefault(_name(call), ModelCounts(model=_name(call)))
        counts.calls += 1
        before, price = call["cost_nano_usd"], new.get(call["id"])
        if price is None:
            counts.unpriced_calls += before is None
            continue
        counts.changed_calls += 1
        counts.old_nano_usd += before or 0
        counts.new_nano_usd += price.nano_usd or 0
        counts.newly_priced += before is None
        counts.no_longer_priced += price.nano_usd is None
        if call["session_id"] is not None and (call["session_id"], counts.model) not in sessions:
            sessions.add((call["session_id"], counts.model))
            counts.changed_sessions += 1
    return tuple(by_model.values())


def _name(call: Mapping[str, Any]) -> str:
    return call["model"] or ""


def _by_model(counts: Iterable[ModelCounts]) -> Counts:
    return {"by_model": {each.model: each.numbers for each in counts}}


def _count_dropped(step: Step) -> Done:
    with step.connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(dropped_calls().encode(), step.wanted).fetchall()
    counts = (ModelCounts(model=row["model"], dropped_calls=row["calls"], dropped_nano_usd=int(row["nano_usd"])) for row in found)
    return Done(None, _by_model(counts))


def _given(_worker: Resources, connection: Connection[Any], place: Place) -> Step:
    model = place.row["options"].get("model")
    wanted = {"from_at": place.row["from_at"], "to_at": place.row["to_at"], "model": None if model is None else like_pattern(model)}
    return Step(connection, place.after, place.is_dry_run, wanted)


def _rest_seconds(place: Place, step_seconds: float) -> float:
    return 0.0 if place.is_dry_run else min(step_seconds, MOST_REST_SECONDS)


# A running run is stored with the name of its stage.
JOB: Final = StagedJob(
    REPRICE,
    (
        Stage("batches", _wait_for_batches, is_left_out_of_dry_runs=True),
        Stage("sessions", _price_some),
        Stage("without_session", partial(_price_some, has_session=False)),
        Stage("dropped", _count_dropped),
    ),
    _given,
    rest_seconds=_rest_seconds,
)
