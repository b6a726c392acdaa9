"""`python -m deploy.keys create|list|revoke`: manages API keys directly in the database, without the API. It makes the first key."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from typing import get_args

from services.ingest.admin.keys import NewKey, audit_details, make_key
from services.ingest.postgres.admin.api_keys import ApiKeys
from services.ingest.postgres.audit import AuditRecord
from services.ingest.postgres.database import Database
from shared.auth.keys import Scope
from shared.http.errors import ApiError

# The actor in the audit log: a user of this machine needs no key.
MACHINE = "machine"


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 done, 1 failed, 2 wrong usage."""
    asked = _parser().parse_args(arguments)
    url = os.environ.get("TRACKER_DATABASE_URL")
    if not url:
        sys.stderr.write("Set TRACKER_DATABASE_URL to the tracker's database, or use `make key`, which finds the running one.\n")
        return 2
    try:
        return asyncio.run(_act(url, asked))
    except ApiError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.keys", description="API keys, made and revoked beside the database.")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key and show it, this once")
    create.add_argument("--name", default="made on the machine", help="what it is for")
    create.add_argument("--scope", action="append", required=True, choices=get_args(Scope))
    create.add_argument(
        "--user", action="append", help="whose its writes are, and whose sessions it reads; several for a key that only reads"
    )
    create.add_argument("--project", action="append", type=int, help="the id of a project; it reads only those that are named")
    commands.add_parser("list", help="the keys, not what they are")
    commands.add_parser("revoke", help="refuse a key from now on").add_argument("id")
    return parser


async def _act(url: str, asked: argparse.Namespace) -> int:
    database = Database(url, connections=1)
    await database.open()
    try:
        return await {"create": _create, "list": _list, "revoke": _revoke}[asked.command](ApiKeys(database), asked)
    finally:
        await database.close()


async def _create(keys: ApiKeys, asked: argparse.Namespace) -> int:
    user, users = (asked.user[0], None) if asked.user and len(asked.user) == 1 else (None, asked.user)
    wanted = NewKey(name=asked.name, scopes=asked.scope, user=user, users=users, project_ids=asked.project)
    made = await make_key(keys, wanted, lambda key_id: AuditRecord(MACHINE, "key.create", key_id, MACHINE, audit_details(wanted)))
    sys.stdout.write(f"{made.key}\n")
    sys.stderr.write(f"{made.message} Its id is {made.id}, its scope {', '.join(made.scopes)}.\n")
    return 0


async def _list(keys: ApiKeys, _: argparse.Namespace) -> int:
    for row in await keys.keys():
        revoked = f"revoked {row['revoked_at']:%Y-%m-%d %H:%M}" if row["revoked_at"] else "valid"
        sys.stdout.write(f"{row['id']}  {','.join(row['scopes'])}  {revoked}  {row['name']}\n")
    return 0


async def _revoke(keys: ApiKeys, asked: argparse.Namespace) -> int:
    done = await keys.revoke(asked.id, AuditRecord(MACHINE, "key.revoke", asked.id, MACHINE))
    if done is None:
        sys.stderr.write("There is no key with this id; `list` shows all keys.\n")
        return 1
    sys.stdout.write(f"{asked.id} is revoked.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
