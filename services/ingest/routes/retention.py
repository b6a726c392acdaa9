"""Routes that set rules of retention and start runs. The query service has those that show them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import retention as changes
from services.ingest.admin.retention import AllowedSession, RetentionRequest, RetentionRule
from services.ingest.http.responses import RetentionRuleSet, RetentionRuleUnset, RetentionStarted, SessionAllowed
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, requires

retention = APIRouter(tags=["retention"])


@retention.put("/api/retention/rules", summary="Set a rule", **route_documents.action(RetentionRuleSet, RetentionRule, 404))
@requires(ADMIN)
async def set_retention_rule(request: Request) -> Response:
    """For how long something is kept: of everything, of a project, or of a user. The narrowest counts: a user's, then a project's."""
    return await changes.set_rule(request)


@retention.delete(
    "/api/retention/rules/{rule_id}", summary="Take a rule back", **route_documents.action(RetentionRuleUnset, None, 404, of="rule_id")
)
@requires(ADMIN)
async def unset_retention_rule(request: Request) -> Response:
    """Then the next wider rule counts, or the setting."""
    return await changes.unset_rule(request)


@retention.post(
    "/api/retention/runs",
    status_code=202,
    summary="Drop what is older, or count it",
    **route_documents.started(RetentionRequest, RetentionStarted, "run"),
)
@requires(ADMIN)
async def start_retention(request: Request) -> Response:
    """A run begins by itself once a day. With `dry_run` it says what would go, by project, and drops nothing."""
    return await changes.start(request)


@retention.post(
    "/api/retention/allow", summary="Let a dropped session come again", **route_documents.action(SessionAllowed, AllowedSession)
)
@requires(ADMIN)
async def allow_session(request: Request) -> Response:
    """What was dropped of it stays out until then, also if it is imported again or goes on. What was erased stays erased."""
    return await changes.allow(request)
