"""Passwords of the trial overlay: random, written once, private, and equal on both sides."""

import re
import stat
import subprocess
from pathlib import Path

from deploy.k8s.make_secrets import make_secrets, new_secrets
from tests.k8s.manifests import ROOT


def test_secret_files_are_private_and_ignored_by_git(tmp_path: Path) -> None:
    for file in make_secrets(tmp_path):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        place = f"deploy/k8s/overlays/single/{file.name}"
        assert subprocess.run(["git", "check-ignore", "-q", place], cwd=ROOT, check=False).returncode == 0, place


def test_secret_files_are_written_once(tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in make_secrets(tmp_path)}
    assert len(before) == 3
    assert make_secrets(tmp_path) == []
    assert {file: file.read_bytes() for file in before} == before


def test_passwords_are_distinct() -> None:
    passwords = [found for secret in (*new_secrets().values(), *new_secrets().values()) for found in passwords_in(secret)]
    # Seven a time: of the superuser, of four roles, of Redis' two users, of Flower; those of roles and of the services stand twice.
    assert len(set(passwords)) == 16
    assert min(map(len, passwords)) == 32


def passwords_in(secret: dict[str, str]) -> list[str]:
    return [match[1] if (match := re.search(r"://\w+:([\w-]+)@", value)) else value.rpartition(":")[2] for value in secret.values()]


def test_services_and_stores_share_the_passwords() -> None:
    secrets = new_secrets()
    for role in ("owner", "ingest", "query", "worker"):
        assert (
            f":{secrets['postgres'][f'TRACKER_POSTGRES_{role.upper()}_PASSWORD']}@postgres/" in secrets["tracker"][f"database-url-{role}"]
        )
    assert f"tracker:{secrets['redis']['TRACKER_REDIS_PASSWORD']}@redis:" in secrets["tracker"]["redis-url"]


def test_the_stores_create_the_roles_of_the_services() -> None:
    roles = (ROOT / "deploy/postgres/roles.sql").read_text(encoding="utf-8")
    for name in new_secrets()["postgres"].keys() - {"POSTGRES_PASSWORD"}:
        assert f"\\getenv {name.split('_')[2].lower()}_password {name}\n" in roles
    start = (ROOT / "deploy/redis/start.sh").read_text(encoding="utf-8")
    assert all(f"${name}" in start for name in new_secrets()["redis"])
