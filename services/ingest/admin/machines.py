"""Reports of machines, and machines that are forgotten: each from request to answer."""

import re
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.json_body import read_json
from services.ingest.events.key_binding import binding_of, other_users_machine
from services.ingest.events.redact_events import redact_body
from services.ingest.http import route_documents
from services.ingest.http.request_checks import AcceptedBody, check_query
from services.ingest.http.responses import MachineForgotten, MachineReported, RepositoriesReported
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.admin import machines
from services.ingest.postgres.audit import audit_record
from shared.auth.scopes import ADMIN, INGEST, requires
from shared.broker import Task
from shared.events.machine_reports import MachineReport, complete, stored
from shared.events.messages import MACHINE_ID, Path
from shared.events.project_paths import path_or_none
from shared.http.errors import Forbidden, NotFound, invalid
from shared.http.middleware import json_response
from shared.projects.remotes import told_remote

# As many transcripts as may be named, with the longest paths, fit.
_BODY: Final = AcceptedBody((b"application/json",), 1024**2)
_MACHINE: Final = re.compile(MACHINE_ID)
# The most folders of one request, and of one machine.
MAX_REPOSITORIES: Final = 200
MAX_PLACES: Final = 5_000


class ReportedRepository(Struct, kw_only=True, omit_defaults=True):
    """A folder in which sessions began, and its place in git. `common_dir`: the git folder that its worktrees share."""

    path: Path
    common_dir: Path | None = None
    # The remote of its git repository; credentials in it are left out.
    remote: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    # The folder's path within the working tree.
    inside: Annotated[str, Meta(max_length=4096)] = ""
    # The working tree that holds the git folder itself.
    is_main: bool = False


class MachineRepositories(Struct, kw_only=True):
    """A machine's folders with their places in git, so that worktrees and clones are one project."""

    repositories: Annotated[list[ReportedRepository], Meta(max_length=MAX_REPOSITORIES)]


_DECODER: Final = msgspec.json.Decoder(MachineReport)
_REPOSITORIES: Final = msgspec.json.Decoder(MachineRepositories)


router = APIRouter(tags=["machines"])


@router.put(
    "/api/machines/{machine_id}", summary="Report a machine", **route_documents.action(MachineReported, MachineReport, of="machine_id")
)
@requires(INGEST)
async def report_machine(request: Request) -> Response:
    """Stores a shipper's report: its versions, its backlog, and transcripts that Claude Code will delete soon."""
    ingest = ingest_of(request)
    machine_id = _machine_id(request)
    reported = await read_json(request, _DECODER, _BODY)
    _check(reported)
    if ingest.settings.redact:
        await redact_body(reported, msgspec.json.encode(reported))
    binding = binding_of(request)
    user = binding.user or reported.user
    await ingest.tombstones.check(("user", user))
    now = await machines.store_report(
        ingest.database, machine_id, name=reported.name, user=user, is_bound=binding.user is not None, report=stored(reported)
    )
    if now is None:
        raise other_users_machine()
    return json_response(MachineReported(machine_id=machine_id, now=now))


@router.put(
    "/api/machines/{machine_id}/repositories",
    summary="Report folders and their repositories",
    **route_documents.action(RepositoriesReported, MachineRepositories, of="machine_id"),
)
@requires(INGEST)
async def report_repositories(request: Request) -> Response:
    """Which folders are worktrees of one git folder, or clones of one remote: those become one project. Credentials in a remote are not kept."""
    ingest = ingest_of(request)
    machine_id = _machine_id(request)
    told = await read_json(request, _REPOSITORIES, _BODY)
    binding = binding_of(request)
    if binding.project_ids is not None:
        raise Forbidden("This key is bound to projects; what folders have to do with each other is told by a key that is not.")
    for each in told.repositories:
        # Before redaction, which would leave its mark in place of a credential.
        each.remote = told_remote(each.remote) if each.remote else None
    if ingest.settings.redact:
        await redact_body(told, msgspec.json.encode(told))
    places = [place for each in told.repositories if (place := _place(each)) is not None]
    changed = await machines.store_places(ingest.database, machine_id, places, user=binding.user, most=MAX_PLACES)
    if changed is None:
        raise other_users_machine()
    if changed:
        await send_tasks(ingest, Task.JOIN_PROJECTS, ())
    return json_response(RepositoriesReported(machine_id=machine_id, changed=changed))


def _place(told: ReportedRepository) -> dict[str, Any] | None:
    """A row of project_places; None for a path that is not one."""
    path = path_or_none(told.path)
    if path is None:
        return None
    inside = "/".join(part for part in told.inside.replace("\\", "/").replace("\0", "\ufffd").split("/") if part not in ("", "."))
    return {"path": path, "common_dir": path_or_none(told.common_dir), "remote": told.remote, "inside": inside, "is_main": told.is_main}


@router.delete(
    "/api/machines/{machine_id}", summary="Forget a machine", **route_documents.action(MachineForgotten, None, 404, of="machine_id")
)
@requires(ADMIN)
async def forget_machine(request: Request) -> Response:
    """For a machine that is gone. Its sessions and transcripts stay."""
    check_query(request)
    machine_id = _machine_id(request)
    name = await machines.forget(ingest_of(request).database, machine_id, audit_record(request, "machine.forget", machine_id))
    if name is None:
        raise NotFound("There is no machine of this id; see /api/machines.", details={"machine_id": "not known"})
    return json_response(MachineForgotten(machine_id=machine_id, name=name))


def _machine_id(request: Request) -> str:
    machine_id: str = request.path_params["machine_id"]
    if not _MACHINE.fullmatch(machine_id):
        raise invalid("machine_id", "must have 1 to 64 characters of A-Z, a-z, 0-9, - and _")
    return machine_id


def _check(reported: MachineReport) -> None:
    """BadRequest for control characters in identifiers."""
    check_identifier(reported.name, "name")
    check_identifier(reported.user, "user")
    for number, each in enumerate(reported.expiring):
        check_identifier(each.session_id, f"expiring[{number}].session_id")
    complete(reported)
