"""Erasures and tombstones, from request to answer. The worker erases (services/worker/maintenance/erase); a tombstone is lifted at once."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.json_body import read_json
from services.ingest.events.write_event import admit_order
from services.ingest.http import route_documents
from services.ingest.http.responses import ErasureStarted, TombstonesLifted
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.admin import erasures
from services.ingest.postgres.audit import audit_record
from shared.auth.scopes import ADMIN, requires
from shared.http.errors import BadRequest, NotFound, invalid
from shared.http.middleware import json_response
from shared.jobs import ERASURE

_Name = Annotated[str, Meta(min_length=1, max_length=4096)]


class Erased(Struct, kw_only=True):
    """A session, or a range of it with `from` and `to`; a user by name; or a project by its id, or by its path where it is gone."""

    session_id: _Name | None = None
    user: _Name | None = None
    project_id: Annotated[int, Meta(ge=1)] | None = None
    project: _Name | None = None
    # A part of a session: [from, to).
    from_: datetime | None = msgspec.field(default=None, name="from")
    to: datetime | None = None


class ErasureRequest(Struct, kw_only=True):
    """`confirm` is the id of the session, the name of the user, or the path or name of the project once more. `dry_run` changes nothing, and counts."""

    what: Erased
    confirm: Annotated[str, Meta(max_length=4096)] = ""
    dry_run: bool = False


class LiftRequest(Struct, kw_only=True):
    """Names the tombstone to lift. A project is named by its path: its id is gone."""

    what: Erased


_DECODER: Final = msgspec.json.Decoder(ErasureRequest)
_LIFT_DECODER: Final = msgspec.json.Decoder(LiftRequest)
_RIGHT_NAMES: Final = {
    "session": "the session's id",
    "range": "the session's id",
    "user": "the user's name",
    "project": "the project's path or name",
}


router = APIRouter(tags=["erasures"])


@router.post(
    "/api/erasures",
    status_code=202,
    summary="Erase a session, a user or a project",
    **route_documents.started(ErasureRequest, ErasureStarted, "erasure", 404),
)
@requires(ADMIN)
async def start_erasure(request: Request) -> Response:
    """Deletes it from every store, and keeps out what still comes of it. There is no undo. `dry_run` only counts."""
    write, wanted = await admit_order(request, _DECODER)
    what = _checked(wanted.what)
    if wanted.what.project is not None:
        raise invalid("what.project", "is for lifting a tombstone; name the project by project_id")
    target = await erasures.find(write.ingest.database, **what, is_dry_run=wanted.dry_run)
    if target is None:
        raise NotFound("Nothing of this is stored; see /api/sessions, /api/users and /api/projects.", details={"what": "not known"})
    if wanted.confirm not in target.confirmed_by and not wanted.dry_run:
        raise BadRequest(
            f"Nothing is erased: `confirm` must be {_RIGHT_NAMES[target.kind]}, exactly as it is stored.", details={"confirm": "differs"}
        )
    erasure_id = write.derived_id() or uuid4()
    # Without what is erased: nothing may have it afterwards.
    record = audit_record(request, "erasure.start", erasure_id, kind=target.kind, dry_run=wanted.dry_run)
    erasure_id = await erasures.add(write.ingest.database, erasure_id, target, is_dry_run=wanted.dry_run, record=record)
    await send_tasks(write.ingest, ERASURE.task, (str(erasure_id),))
    answer = ErasureStarted(erasure_id=erasure_id, kind=target.kind, dry_run=wanted.dry_run)
    return write.started(answer, f"/api/erasures/{erasure_id}")


# Not a DELETE: an address is in the logs of gateways, and the name must not be.
@router.post("/api/tombstones/lift", summary="Let in again what was erased", **route_documents.action(TombstonesLifted, LiftRequest, 404))
@requires(ADMIN)
async def lift_tombstone(request: Request) -> Response:
    """Lifts the tombstone of a session, a user, a project's path or a range. Erased data stays erased; data that is sent again is stored."""
    wanted = await read_json(request, _LIFT_DECODER)
    what = _checked(wanted.what)
    if wanted.what.project_id is not None:
        raise invalid("what.project_id", "is gone with the project; name it by its path, as `project`")
    record = audit_record(request, "tombstone.lift", "tombstone", kind=what["kind"])
    lifted = await erasures.lift(ingest_of(request).database, record=record, **what)
    if not lifted:
        raise NotFound("Nothing keeps this out: it has no tombstone.", details={"what": "no tombstone"})
    return json_response(TombstonesLifted(lifted=lifted))


def _checked(what: Erased) -> dict[str, Any]:
    """The kind, the name and the times. BadRequest if it is not exactly one thing."""
    named = {"session": what.session_id, "user": what.user, "project": what.project_id or what.project}
    found = [(kind, name) for kind, name in named.items() if name is not None]
    if len(found) != 1:
        raise invalid("what", "must have one of session_id, user and project_id")
    [(kind, name)] = found
    if (what.from_ is None) != (what.to is None) or (what.from_ is not None and kind != "session"):
        raise invalid("what", "from and to come together, and with session_id")
    from_at, to_at = (None if at is None else _in_utc(at) for at in (what.from_, what.to))
    if from_at is not None and to_at is not None:
        if not from_at < to_at:
            raise invalid("what.to", "must be later than from")
        kind = "range"
    return {"kind": kind, "name": str(name), "from_at": from_at, "to_at": to_at}


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
