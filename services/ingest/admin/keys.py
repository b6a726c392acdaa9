"""Makes and revokes API keys, each from request to answer. Both add to the audit log."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Final, get_args

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.json_body import read_json
from services.ingest.events.redact_events import redact
from services.ingest.http import request_checks, route_documents
from services.ingest.http.responses import KeyCreated, KeyRevoked
from services.ingest.postgres.admin.api_keys import ApiKeys
from services.ingest.postgres.audit import AuditRecord, audit_record
from shared.auth.keys import Scope, digest_of, new_key
from shared.auth.scopes import ADMIN, requires
from shared.events.messages import Name
from shared.http.errors import NotFound, invalid
from shared.http.middleware import json_response

_ID: Final = re.compile(r"[0-9A-Za-z]{12}", re.ASCII)


class NewKey(Struct, kw_only=True):
    """A key to make: its name, its scopes, the user of its writes and reads, or several of its reads, and the projects of its reads."""

    name: Name
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=len(get_args(Scope)))]
    user: Name | None = None
    users: Annotated[list[Name], Meta(min_length=1, max_length=100)] | None = None
    project_ids: Annotated[list[Annotated[int, Meta(ge=1, le=2**53)]], Meta(min_length=1, max_length=100)] | None = None

    @property
    def bound_users(self) -> list[str]:
        """The users that it is bound to, each once."""
        return list(dict.fromkeys(self.users or ([] if self.user is None else [self.user])))


_NEW_KEY: Final = msgspec.json.Decoder(NewKey)


router = APIRouter(tags=["keys"])


@router.post("/api/keys", status_code=201, summary="Make an API key", **route_documents.action(KeyCreated, NewKey, status=201))
@requires(ADMIN)
async def create_key(request: Request) -> Response:
    """Makes an API key. Only this answer has it; only its SHA-256 is stored."""
    ingest = ingest_of(request)
    wanted = await read_json(request, _NEW_KEY)
    if ingest.settings.redact:
        redact([wanted])
    created = await make_key(ingest.keys, wanted, lambda key_id: audit_record(request, "key.create", key_id, **audit_details(wanted)))
    return json_response(created, 201)


@router.delete("/api/keys/{key_id}", summary="Revoke an API key", **route_documents.action(KeyRevoked, None, 404, of="key_id"))
@requires(ADMIN)
async def revoke_key(request: Request) -> Response:
    """Revokes an API key: within five seconds every process refuses it."""
    request_checks.check_query(request)
    key_id: str = request.path_params["key_id"]
    ingest = ingest_of(request)
    done = await ingest.keys.revoke(key_id, audit_record(request, "key.revoke", key_id)) if _ID.fullmatch(key_id) else None
    if done is None:
        raise NotFound("There is no key with this id; see /api/keys.", code="KEY_NOT_FOUND")
    return json_response(KeyRevoked(id=key_id, name=done["name"], revoked_at=done["revoked_at"]))


async def make_key(keys: ApiKeys, wanted: NewKey, record_of: Callable[[str], AuditRecord]) -> KeyCreated:
    """Makes a key and adds to the audit log. BadRequest for an admin's key that is bound, a writing one of several users, or an unknown project."""
    scopes, users = sorted(set(wanted.scopes)), wanted.bound_users
    if "admin" in scopes and (users or wanted.project_ids):
        raise invalid("scopes", "an admin's key cannot be bound to users or to projects, since it can make any other key")
    if wanted.user is not None and wanted.users is not None:
        raise invalid("users", "is given together with user; give all of them as users")
    if "ingest" in scopes and len(users) > 1:
        raise invalid("users", "a key with the scope ingest writes as one user; make a key for each, or one that only reads")
    check_identifier(wanted.name, "name")
    for name in users:
        check_identifier(name, "users" if wanted.users else "user")
    user, several = (users[0], None) if len(users) == 1 else (None, users or None)
    key, key_id = new_key()
    created_at, known, wholes = await keys.add(
        key_id,
        digest_of(key.encode()),
        name=wanted.name,
        scopes=scopes,
        user=user,
        users=several,
        project_ids=wanted.project_ids,
        record=record_of(key_id),
    )
    if created_at is None:
        raise invalid("project_ids", _problem_of(set(wanted.project_ids or ()) - set(known), wholes))
    return KeyCreated(
        id=key_id,
        name=wanted.name,
        key=key,
        scopes=scopes,
        user=user,
        users=users or None,
        project_ids=wanted.project_ids,
        created_at=created_at,
    )


def _problem_of(refused: set[int], wholes: Mapping[int, int]) -> str:
    """Says why a key cannot be bound to some projects. `wholes`: the whole of each that is a part."""
    parts = [
        f"project {part} is part of project {wholes[part]}: bind the key to that, the whole" for part in sorted(refused & wholes.keys())
    ]
    unknown = sorted(refused - wholes.keys())
    return "; ".join(parts + [f"there is no project {', '.join(map(str, unknown))}; see /api/projects"] * bool(unknown))


def audit_details(wanted: NewKey) -> dict[str, object]:
    """The details of a new key for the audit log: its name, scopes and bindings, never the key."""
    bound = {"user": wanted.user, "users": wanted.users, "project_ids": wanted.project_ids}
    return {"name": wanted.name, "scopes": sorted(set(wanted.scopes))} | {name: value for name, value in bound.items() if value is not None}
