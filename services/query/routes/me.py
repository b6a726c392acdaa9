"""The rights of the key of a request, and the settings that explain numbers: the first thing that a dashboard asks for."""

from fastapi import APIRouter, Request, Response

from services.query.answers.operations import Me, OwnKey
from services.query.http.parameters import FAILURES, refuse_parameters, settings_of
from services.query.http.read_response import without_hidden_texts
from shared.auth.authentication import key_of
from shared.auth.scopes import METRICS, requires
from shared.http.middleware import json_response

router = APIRouter(tags=["keys"], responses=FAILURES)


@router.get("/api/me", response_model=Me, summary="The key of this request, and settings that explain numbers")
@requires(METRICS)
async def show_me(request: Request) -> Response:
    """With open access and no key, `key` is null and everything is allowed."""
    refuse_parameters(request)
    settings, grant = settings_of(request), key_of(request.scope)
    key = (
        None
        if grant is None
        else OwnKey(
            key_id=grant.key_id,
            name=grant.name,
            scopes=sorted(grant.scopes),
            user=grant.user,
            users=None if grant.users is None else list(grant.users),
            project_ids=None if grant.project_ids is None else list(grant.project_ids),
            expires_at=grant.expires_at,
        )
    )
    shown = Me(
        access=settings.access,
        key=key,
        version=request.app.version,
        timezone=settings.timezone,
        sessions=settings.sessions,
        idle_gap_minutes=settings.idle_gap_seconds / 60,
        machine_silent_hours=settings.machine_silent_hours,
        ready_lag_seconds=settings.ready_lag_seconds,
        canary_max_age_seconds=settings.canary_max_age_seconds if settings.canary_seconds else None,
        tool_results=settings.tool_results,
        flower=settings.flower_url,
    )
    return json_response(without_hidden_texts(request, shown))
