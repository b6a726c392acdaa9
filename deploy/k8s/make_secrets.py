"""`python -m deploy.k8s.make_secrets FOLDER`: writes the passwords of overlays/single, once, as files that only their owner reads."""

import os
import sys
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

PASSWORD_BYTES = 24
# Who asks without a password may only see whether it is there. The services need no command that changes the server itself.
USERS = """user default on nopass resetkeys resetchannels -@all +ping
user tracker on #{digest} ~* &* +@all -@admin -@dangerous +info
"""


def make_secrets(folder: Path) -> list[Path]:
    """Makes secrets.env and users.acl; nothing if the first is there, since Postgres keeps its first password. Gives what was made."""
    environment, users = folder / "secrets.env", folder / "users.acl"
    if environment.exists():
        return []
    postgres, redis, flower = (token_hex(PASSWORD_BYTES) for _ in range(3))
    _write(users, USERS.format(digest=sha256(redis.encode()).hexdigest()))
    url = f"postgresql://tracker:{postgres}@postgres/tracker"
    lines = [f"database-url-{role}={url}" for role in ("owner", "ingest", "query", "worker")]
    lines += [f"redis-url=redis://tracker:{redis}@redis:6379/0", f"flower-login=tracker:{flower}", f"postgres-password={postgres}"]
    _write(environment, "\n".join(lines) + "\n")
    return [environment, users]


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    made = make_secrets(Path(sys.argv[1]))
    sys.stderr.write(f"Made {' and '.join(map(str, made))}.\n" if made else "They are there already; nothing was changed.\n")
