"""`make env`: writes random secrets for the containers to .env, or to another file: `make env TO=other.env`.

Only the standard library, any Python 3: a machine that has Docker may have nothing else. An existing file is not changed.
"""

import os
import secrets
import sys
from pathlib import Path

PASSWORDS = (
    "TRACKER_POSTGRES_ADMIN_PASSWORD",
    "TRACKER_POSTGRES_OWNER_PASSWORD",
    "TRACKER_POSTGRES_INGEST_PASSWORD",
    "TRACKER_POSTGRES_QUERY_PASSWORD",
    "TRACKER_POSTGRES_WORKER_PASSWORD",
    "TRACKER_REDIS_ADMIN_PASSWORD",
    "TRACKER_REDIS_PASSWORD",
)
_HEAD = """\
# Made by `make env` for docker compose: keep it for yourself. Settings of docs/reference/settings.md go here too, one NAME=value a line.
"""


def new_secrets() -> str:
    """The text of the file. Passwords have 192 bits in characters that need no quoting, not even in URLs."""
    lines = [f"{name}={secrets.token_urlsafe(24)}" for name in PASSWORDS]
    # Without `:` and `,`, which are separators in this value.
    lines.append(f"TRACKER_FLOWER_BASIC_AUTH=tracker:{secrets.token_urlsafe(24)}")
    lines.append(f"TRACKER_GRAFANA_PASSWORD={secrets.token_urlsafe(24)}")
    # Docker starts no container that may use more processors than there are; docker-compose.yml gives two to some.
    if (os.cpu_count() or 1) < 2:
        lines.append("TRACKER_CPUS=1")
    return _HEAD + "\n".join(lines) + "\n"


def write(file: Path) -> bool:
    """Writes `file` atomically, readable only by its owner. False if it exists already."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
        new.write(new_secrets())
    try:
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def main(arguments: list[str]) -> None:
    """Prints what it did."""
    file = Path(arguments[0] if arguments and arguments[0] else ".env")
    if write(file):
        sys.stdout.write(f"Wrote {file} with new passwords. `docker compose up --build` reads it.\n")
    else:
        sys.stdout.write(f'{file} is there already and stays; to have new passwords see "New passwords" in docs/how-to/runbook.md.\n')


if __name__ == "__main__":
    main(sys.argv[1:])
