"""The trial's passwords: made once, random, for their owner's eyes, and the same on both sides."""

import re
import stat
import subprocess
from hashlib import sha256
from pathlib import Path

from deploy.k8s.make_secrets import make_secrets
from tests.k8s.manifests import ROOT


def test_they_are_random_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        made = make_secrets(tmp_path / name)
        assert [stat.S_IMODE(file.stat().st_mode) for file in made] == [0o600, 0o600]
        texts.append("".join(file.read_text() for file in made))
    first, second = (set(re.findall(r"[0-9a-f]{48}", text)) for text in texts)
    assert len(first) >= 3
    assert not first & second


def test_they_are_made_once_since_postgres_keeps_its_first(tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in make_secrets(tmp_path)}
    assert make_secrets(tmp_path) == []
    assert {file: file.read_bytes() for file in before} == before


def test_redis_knows_the_services_password_by_its_hash_alone(tmp_path: Path) -> None:
    environment, users = (file.read_text() for file in make_secrets(tmp_path))
    password = re.search(r"redis://tracker:(\w+)@", environment)
    assert password is not None
    assert password[1] not in users
    assert f"#{sha256(password[1].encode()).hexdigest()} " in users


def test_git_does_not_see_them() -> None:
    for name in ("secrets.env", "users.acl"):
        file = f"deploy/k8s/overlays/single/{name}"
        assert subprocess.run(["git", "check-ignore", "-q", file], cwd=ROOT, check=False).returncode == 0, file
