"""Renames a user, or merges one into another, from request to answer. Both add to the audit log."""

import asyncio
from typing import Any, Final

import msgspec
from fastapi import Request, Response
from msgspec import Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.json_body import read_json
from services.ingest.events.redact_events import redact
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import UserRenamed
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.admin import users
from services.ingest.postgres.audit import audit_record
from shared.broker import Task
from shared.events.messages import Identifier
from shared.http.errors import Conflict, NotFound, invalid
from shared.http.middleware import json_response
from shared.redaction.redact import redact_text

_BODY: Final = AcceptedBody((b"application/json",), 64 * 1024)
MAX_NAME_LENGTH: Final = 200


class UserChange(Struct, kw_only=True):
    """The user's new name. If another user has it, the two become one."""

    name: Identifier


_DECODER: Final = msgspec.json.Decoder(UserChange)


async def rename(request: Request) -> Response:
    """200 for a new name; 202 while rows move to the user that has the name already. Repeating the request tells how far it is.

    404 if there is no such user. 409 if the new name is another name of a third user.
    """
    ingest = ingest_of(request)
    wanted = await read_json(request, _BODY, _DECODER)
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
            # If the task is lost, beat finds the merge.
            await asyncio.to_thread(send_tasks, ingest.sender, Task.MERGE_USERS, (done.user_id,))
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
