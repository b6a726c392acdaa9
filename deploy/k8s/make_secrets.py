"""`python -m deploy.k8s.make_secrets FOLDER`: writes the passwords of overlays/single, once, as files that only their owner reads."""

import os
import sys
from pathlib import Path
from secrets import token_urlsafe

ROLES = ("owner", "ingest", "query", "worker")
# The Postgres roles, which deploy/postgres/roles.sql makes.
USERS = {"owner": "tracker"} | {role: f"tracker_{role}" for role in ROLES[1:]}


def make_secrets(folder: Path) -> list[Path]:
    """Makes a file for each Secret and returns them. Makes none if one exists already, since Postgres keeps its first passwords."""
    files = {folder / f"{secret}-secrets.env": lines for secret, lines in new_secrets().items()}
    if any(file.exists() for file in files):
        return []
    for file, lines in files.items():
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
            new.writelines(f"{name}={value}\n" for name, value in lines.items())
    return list(files)


def new_secrets() -> dict[str, dict[str, str]]:
    """{Secret: {key: value}}: the values for the services, and the matching ones for the stores."""
    of_role = {role: _password() for role in ROLES}
    redis = _password()
    tracker = {f"database-url-{role}": f"postgresql://{USERS[role]}:{of_role[role]}@postgres/tracker" for role in ROLES}
    tracker |= {"redis-url": f"redis://tracker:{redis}@redis:6379/0", "flower-login": f"tracker:{_password()}"}
    postgres = {"POSTGRES_PASSWORD": _password()} | {f"TRACKER_POSTGRES_{role.upper()}_PASSWORD": of_role[role] for role in ROLES}
    return {"tracker": tracker, "postgres": postgres, "redis": {"REDISCLI_AUTH": _password(), "TRACKER_REDIS_PASSWORD": redis}}


def _password() -> str:
    """192 bits in characters that need no quoting, not even in URLs."""
    return token_urlsafe(24)


if __name__ == "__main__":
    made = make_secrets(Path(sys.argv[1]))
    sys.stderr.write(f"Made {', '.join(map(str, made))}.\n" if made else "They are there already; nothing was changed.\n")
