"""Renames a user, or merges one into another, from request to answer. Both add to the audit log."""

from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.json_body import read_json
from services.ingest.events.redact_events import redact
from services.ingest.http import route_documents
from services.ingest.http.responses import UserRenamed
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.admin import users
from services.ingest.postgres.audit import audit_record
from shared.auth.scopes import ADMIN, requires
from shared.events.messages import Identifier
from shared.http.errors import Conflict, NotFound, invalid
from shared.http.middleware import json_response
from shared.jobs import MERGE_OF_USERS
from shared.redaction.redact import redact_text

MAX_NAME_LENGTH: Final = 200


class UserChange(Struct, kw_only=True):
    """The user's new name. If another user has it, the two become one."""

    name: Identifier


_DECODER: Final = msgspec.json.Decoder(UserChange)


router = APIRouter(tags=["users"])


@router.patch(
    "/api/users/{name:path}",
    summary="Rename or merge a user",
    **route_documents.action(UserRenamed, UserChange, 404, 409, of="name", or_else={202: "Rows are being moved."}),
)
@requires(ADMIN)
async def rename_user(request: Request) -> Response:
    """Renames a user. If another user has the new name, all rows of the first become that user's, in the background. Later events of the old name too."""
    ingest = ingest_of(request)
    wanted = await read_json(request, _DECODER)
    check_identifier(wanted.name, "name")
    name: str = request.path_params["name"]
    if len(name) > MAX_NAME_LENGTH:
        raise invalid("name", f"must have at most {MAX_NAME_LENGTH} characters")
    check_identifier(name, "name")
    if ingest.settings.redact:
        redact([wanted])
        name = redact_text(name)
    done = await users.rename(ingest.database, name, wanted.name, audit_record(request, "user.rename", name, name=wanted.name))
    match done.outcome:
        case "unknown" | "alias":
            raise _unknown(done.outcome)
        case "taken":
            raise Conflict(
                "This name stands for another user, who was renamed or merged; take that user's present name, or send this again.",
                details={"name": "another user's"},
            )
        case "merging":
            await send_tasks(ingest, MERGE_OF_USERS.task, (done.user_id,))
            message = "Stored rows are being moved; repeat this to see whether it is done."
            if done.failure:
                message = f"{done.failure} It is tried again now, and each hour."
            answer = UserRenamed(name=wanted.name, former_name=name, status="failed" if done.failure else "merging", message=message)
            return json_response(answer, 202)
        case _:
            return json_response(UserRenamed(name=wanted.name, former_name=name, status="done", message="The user has the name."))


def _unknown(outcome: Any) -> NotFound:
    if outcome == "alias":
        return NotFound("This is a former name of another user; use that user's present name.", code="USER_NOT_FOUND")
    return NotFound("There is no user with this name; see /api/users.", code="USER_NOT_FOUND")
