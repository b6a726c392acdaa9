"""Rules of how long data is kept, and runs that drop older data. Each act is in the audit log."""

from typing import Annotated, Final
from uuid import UUID, uuid4

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.json_body import read_json
from services.ingest.events.write_event import admit_order
from services.ingest.http import route_documents
from services.ingest.http.request_checks import uuid_in_path
from services.ingest.http.responses import RetentionRuleSet, RetentionRuleUnset, RetentionStarted, SessionAllowed
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.admin import jobs, retention
from services.ingest.postgres.audit import audit_record
from shared.auth.authentication import grant_of
from shared.auth.scopes import ADMIN, requires
from shared.events.messages import Identifier
from shared.http.errors import Conflict, NotFound, invalid
from shared.http.middleware import json_response
from shared.jobs import RETENTION
from shared.retention import MAX_DAYS, OF_SESSIONS, What


class RetentionRule(Struct, kw_only=True):
    """Data is kept for `days`; null: for good. The rule is for all sessions, or those of one project or one user."""

    what: What
    days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] | None
    project_id: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    user: Identifier | None = None


class RetentionRequest(Struct, kw_only=True):
    """`dry_run` drops nothing and counts what would go. `rewrite` writes the files of tables anew at the end, which locks each meanwhile."""

    dry_run: bool = False
    rewrite: bool = False


class AllowedSession(Struct, kw_only=True):
    """A session that may come again: what retention has dropped of it is stored when somebody brings it."""

    session_id: Annotated[str, Meta(min_length=1, max_length=200)]


_RULE: Final = msgspec.json.Decoder(RetentionRule)
_REQUEST: Final = msgspec.json.Decoder(RetentionRequest)
_SESSION: Final = msgspec.json.Decoder(AllowedSession)


router = APIRouter(tags=["retention"])


@router.put("/api/retention/rules", summary="Set a rule", **route_documents.action(RetentionRuleSet, RetentionRule, 404))
@requires(ADMIN)
async def set_retention_rule(request: Request) -> Response:
    """For how long something is kept: of everything, of a project, or of a user. The narrowest counts: a user's, then a project's."""
    wanted = await read_json(request, _RULE)
    if wanted.project_id is not None and wanted.user is not None:
        raise invalid("user", "a rule is of a project or of a user, not of both; leave out one")
    if wanted.what not in OF_SESSIONS and (wanted.project_id, wanted.user) != (None, None):
        raise invalid("what", f"{wanted.what} are of no project and no user; leave these out")
    if wanted.user is not None:
        check_identifier(wanted.user, "user")
    grant = grant_of(request.scope)
    subject = wanted.what if wanted.project_id is None else f"{wanted.what} of project {wanted.project_id}"
    record = audit_record(request, "retention.set", subject, days=wanted.days, user=wanted.user)
    rule = retention.Rule(wanted.what, wanted.project_id, wanted.user, wanted.days, grant.key_id if grant else None)
    found = await retention.set_rule(ingest_of(request).database, rule, record)
    if found == "no project":
        raise NotFound(f"There is no project {wanted.project_id}; see /api/projects.", code="PROJECT_NOT_FOUND")
    if found == "no user":
        raise NotFound("There is no user with this name; see /api/users.", code="USER_NOT_FOUND")
    return json_response(
        RetentionRuleSet(id=UUID(found), what=wanted.what, days=wanted.days, project_id=wanted.project_id, user=wanted.user)
    )


@router.delete(
    "/api/retention/rules/{rule_id}", summary="Take a rule back", **route_documents.action(RetentionRuleUnset, None, 404, of="rule_id")
)
@requires(ADMIN)
async def unset_retention_rule(request: Request) -> Response:
    """Then the next wider rule counts, or the setting."""
    rule_id = uuid_in_path(request, "rule_id")
    what = await retention.unset_rule(ingest_of(request).database, rule_id, audit_record(request, "retention.unset", rule_id))
    if what is None:
        raise NotFound("There is no rule of this id; see /api/retention.", code="RETENTION_RULE_NOT_FOUND")
    return json_response(RetentionRuleUnset(id=rule_id, what=what))


@router.post(
    "/api/retention/runs",
    status_code=202,
    summary="Drop what is older, or count it",
    **route_documents.started(RetentionRequest, RetentionStarted, "run"),
)
@requires(ADMIN)
async def start_retention(request: Request) -> Response:
    """A run begins by itself once a day. With `dry_run` it says what would go, by project, and drops nothing."""
    write, wanted = await admit_order(request, _REQUEST)
    run_id = write.derived_id() or uuid4()
    record = audit_record(request, "retention.run", run_id, dry_run=wanted.dry_run, rewrite=wanted.rewrite)
    run = jobs.Wanted(is_dry_run=wanted.dry_run, options={"rewrite": wanted.rewrite})
    added = await jobs.add(write.ingest.database, RETENTION, run_id, run, record)
    if added == "busy":
        raise Conflict("A run of retention is under way; wait until it has ended, see /api/retention.", details={"run": "another one"})
    if added == "added":
        await send_tasks(write.ingest, RETENTION.task, (str(run_id),))
    return write.started(RetentionStarted(run_id=run_id, dry_run=wanted.dry_run), f"/api/retention/runs/{run_id}")


@router.post("/api/retention/allow", summary="Let a dropped session come again", **route_documents.action(SessionAllowed, AllowedSession))
@requires(ADMIN)
async def allow_session(request: Request) -> Response:
    """Until then, dropped data of the session stays out, also if it is imported again or goes on. Erased data stays erased."""
    wanted = await read_json(request, _SESSION)
    check_identifier(wanted.session_id, "session_id")
    record = audit_record(request, "retention.allow", wanted.session_id)
    allowed = await retention.allow(ingest_of(request).database, wanted.session_id, record)
    return json_response(SessionAllowed(session_id=wanted.session_id, session=allowed.session, texts=allowed.texts))
