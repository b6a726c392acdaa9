"""Changes a project: its name, group, archive, who reads it, and the project that it is part of. From request to answer; all add to the audit log."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import UNSET, Meta, Struct, UnsetType

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.decode import check_identifier, parse
from services.ingest.events.ignored_fields import unknown_fields
from services.ingest.events.json_body import read_text
from services.ingest.events.redact_events import redact
from services.ingest.http import route_documents
from services.ingest.http.request_checks import check_query
from services.ingest.http.responses import PathRuleAdded, PathRuleDeleted, ProjectChanged, Visibility
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.admin import projects
from services.ingest.postgres.admin.projects import Changed
from services.ingest.postgres.audit import audit_record
from shared.auth.authentication import actor_of
from shared.auth.scopes import ADMIN, requires
from shared.broker import Task
from shared.events.messages import NO_CONTROL_CHARACTERS
from shared.events.project_paths import name_of
from shared.http.errors import Conflict, NotFound, invalid
from shared.http.middleware import json_response
from shared.jobs import MERGE_OF_PROJECTS
from shared.projects import merging
from shared.projects.path_rules import MAX_LENGTH, MAX_RULES, problem_of

_MOST: Final = 2**53

ProjectId = Annotated[int, Meta(ge=1, le=_MOST)]
Named = Annotated[str, Meta(min_length=1, max_length=200, extra_json_schema=NO_CONTROL_CHARACTERS)]


class ProjectChange(Struct, kw_only=True):
    """A field that is left out stays as it is.

    `name`: null is the folder's own. `group`: null for no group. `archived`: left out of lists, never of sums. `visibility`: `shared` if keys
    that are bound to other users read its sessions too; null is as TRACKER_SESSIONS says. `merged_into`: the project that this one is part
    of from now on; null takes it out again, and no rule merges it any more. `widen_keys`: merge even if a bound key then sees more.
    """

    name: Named | UnsetType | None = UNSET
    group: Named | UnsetType | None = UNSET
    archived: bool | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    merged_into: ProjectId | UnsetType | None = UNSET
    widen_keys: bool = False


class ProjectUndo(Struct, kw_only=True):
    """Takes the newest change back that was not undone. `widen_keys`: even if a key then sees more."""

    widen_keys: bool = False


class PathRule(Struct, kw_only=True):
    """All projects whose paths the pattern names are part of the project: `*` is within a folder's name, `**` over folders."""

    pattern: Annotated[
        str, Meta(min_length=1, max_length=MAX_LENGTH, extra_json_schema=NO_CONTROL_CHARACTERS, examples=["/home/*/work/shop"])
    ]
    project_id: ProjectId


_RULE: Final = msgspec.json.Decoder(PathRule)
_CHANGE: Final = msgspec.json.Decoder(ProjectChange)
_UNDO: Final = msgspec.json.Decoder(ProjectUndo)


router = APIRouter(tags=["projects"])


@router.patch(
    "/api/projects/{project_id}",
    summary="Change a project",
    **route_documents.action(ProjectChanged, ProjectChange, 404, 409, of="project_id", or_else={202: "Sessions are being moved."}),
)
@requires(ADMIN)
async def change_project(request: Request) -> Response:
    """A name, a group, the archive, who reads it, and the project that it is part of: its sessions, and later ones of its path, then count there.

    Each change can be undone. Sessions keep the path that they named. One that was made private or shared itself stays so.
    """
    ingest = ingest_of(request)
    project_id = _project_id(request)
    body = await read_text(request)
    wanted = parse(body, _CHANGE)
    _check(wanted)
    if ingest.settings.redact:
        redact([wanted])
    into = wanted.merged_into if isinstance(wanted.merged_into, int) else None
    asked = {name: value for name, value in msgspec.to_builtins(wanted).items() if name != "widen_keys" or value}
    record = audit_record(request, "project.change", project_id, **asked)
    done = await projects.change(
        ingest.database,
        project_id,
        lambda row: _wanted(row, wanted, actor_of(request.scope)),
        record,
        into=into,
        widens_keys=wanted.widen_keys,
    )
    return await _answer(ingest, project_id, done, unknown_fields(body, ProjectChange))


@router.post(
    "/api/projects/{project_id}/undo",
    summary="Undo a project's newest change",
    **route_documents.action(ProjectChanged, ProjectUndo, 404, 409, of="project_id", or_else={202: "Sessions are being moved."}),
)
@requires(ADMIN)
async def undo_project_change(request: Request) -> Response:
    """Takes back a name, a group, an archive, a visibility or a merge. A project that a rule merged is kept apart from then on."""
    ingest = ingest_of(request)
    project_id = _project_id(request)
    body = await read_text(request)
    wanted = parse(body, _UNDO)
    record = audit_record(request, "project.undo", project_id)
    done = await projects.undo(ingest.database, project_id, record, widens_keys=wanted.widen_keys)
    return await _answer(ingest, project_id, done, unknown_fields(body, ProjectUndo))


@router.post(
    "/api/project-rules",
    status_code=201,
    summary="Merge projects by path",
    **route_documents.action(PathRuleAdded, PathRule, 404, 409, status=201, or_else={200: "There is such a rule already."}),
)
@requires(ADMIN)
async def add_path_rule(request: Request) -> Response:
    """Projects whose path a pattern names are part of a project, those of today and later ones. A merge by a person or git is stronger."""
    ingest = ingest_of(request)
    body = await read_text(request)
    wanted = parse(body, _RULE)
    check_identifier(wanted.pattern, "pattern")
    wanted.pattern = wanted.pattern.replace("\\", "/")
    if problem := problem_of(wanted.pattern):
        raise invalid("pattern", problem)
    if ingest.settings.redact:
        redact([wanted])
    record = audit_record(request, "project.rule", wanted.project_id, pattern=wanted.pattern)
    done = await projects.add_rule(ingest.database, wanted.pattern, wanted.project_id, actor_of(request.scope), MAX_RULES, record)
    if done is None:
        raise projects.no_project(wanted.project_id, f", or there are {MAX_RULES} rules already")
    if done["project_id"] != wanted.project_id:
        raise Conflict(
            f"The pattern is a rule of project {done['project_id']}; delete that rule first.", details={"pattern": "another project's"}
        )
    await send_tasks(ingest, Task.JOIN_PROJECTS, ())
    answer = PathRuleAdded(id=done["id"], pattern=wanted.pattern, project_id=wanted.project_id, created_at=done["created_at"])
    return json_response(answer, 201 if done["done"] else 200)


@router.delete(
    "/api/project-rules/{rule_id}",
    summary="Delete a rule about paths",
    **route_documents.action(PathRuleDeleted, None, 404, of="path_rule_id"),
)
@requires(ADMIN)
async def delete_path_rule(request: Request) -> Response:
    """The projects that it had merged are taken out again."""
    check_query(request)
    ingest = ingest_of(request)
    text: str = request.path_params["rule_id"]
    rule_id = int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else 0
    done = await projects.delete_rule(ingest.database, rule_id, audit_record(request, "project.rule_delete", rule_id))
    if done is None:
        raise NotFound("There is no rule of this id; see /api/project-rules.", code="RULE_NOT_FOUND")
    pattern, moving = done
    if moving:
        await send_tasks(ingest, MERGE_OF_PROJECTS.task, *((each,) for each in moving))
    return json_response(PathRuleDeleted(id=rule_id, pattern=pattern, projects_taken_out=len(moving)))


def _project_id(request: Request) -> int:
    text: str = request.path_params["project_id"]
    if not (text.isascii() and text.isdecimal()) or len(text) > 16 or not 1 <= int(text) <= _MOST:
        raise invalid("project_id", f"must be a whole number from 1 to {_MOST}")
    return int(text)


def _check(wanted: ProjectChange) -> None:
    """Trims name and group. BadRequest if one is blank, or has control characters."""
    for field in ("name", "group"):
        value = getattr(wanted, field)
        if isinstance(value, str):
            check_identifier(value, field)
            if not (trimmed := value.strip()):
                raise invalid(field, "must not be blank; null takes it away")
            setattr(wanted, field, trimmed)


def _wanted(row: Mapping[str, Any], wanted: ProjectChange, key_id: str) -> dict[str, Any]:
    columns = merging.columns_of(row)
    if wanted.name is not UNSET:
        columns["name"] = wanted.name or name_of(row["path"])
    if wanted.group is not UNSET:
        columns["group_name"] = wanted.group
    if wanted.archived is not UNSET:
        columns["is_archived"] = wanted.archived
    if wanted.visibility is not UNSET:
        part_of = row["merged_into"] if wanted.merged_into is UNSET else wanted.merged_into
        if part_of is not None:
            raise Conflict(
                f"Project {row['id']} is part of project {part_of}, whose visibility counts. Change that one, or send `merged_into` null too.",
                details={"visibility": "the whole project's counts"},
            )
        columns["visibility"] = wanted.visibility
    if wanted.merged_into is None:
        return columns | merging.NOT_MERGED | {"is_kept_apart": True}
    if wanted.merged_into is UNSET or (columns["part_of"], columns["merged_by"]) == (wanted.merged_into, merging.HAND):
        return columns
    merge = {"part_of": wanted.merged_into, "merged_by": merging.HAND, "merge_evidence": None, "merged_by_key": key_id}
    return columns | merge | {"merged_at": datetime.now(UTC).isoformat(), "is_kept_apart": False}


async def _answer(ingest: Ingest, project_id: int, done: Changed, ignored: list[str]) -> Response:
    if done.moving:
        await send_tasks(ingest, MERGE_OF_PROJECTS.task, *((each,) for each in done.moving))
    answer = ProjectChanged(
        id=project_id,
        name=done.columns["name"],
        group=done.columns["group_name"],
        archived=done.columns["is_archived"],
        visibility=done.columns["visibility"],
        merged_into=done.merged_into,
        status="moving" if done.moving else "done",
        message="Sessions are being moved; repeat this to see whether it is done." if done.moving else "The project is as you see it here.",
        ignored_fields=ignored or UNSET,
    )
    return json_response(answer, 202 if done.moving else 200)
