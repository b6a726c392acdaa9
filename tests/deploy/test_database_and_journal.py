"""Permissions of Postgres and Redis as docker-compose.yml starts them. Needs Docker and the images."""

import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.secrets_file import write
from tests.skips import needs

ROOT = Path(__file__).parent.parent.parent


pytestmark = [
    needs("Docker"),
    # One stack for all of this file.
    pytest.mark.xdist_group("database_and_journal"),
]

REFUSED = (
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG GET *",
    "SWAPDB 0 1",
    "KEYS *",
    "SHUTDOWN",
    "ACL LIST",
    "MONITOR",
    "SCRIPT FLUSH",
    "FUNCTION LIST",
)
TAKEN = ("PING", "INFO memory", "SCAN 0", "BGREWRITEAOF", "XLEN journal:{0}", "SCRIPT EXISTS aa", "PUBLISH celery:x y")
# Runs `docker compose` with its words, and gives stdout and stderr.
Compose = Callable[..., str]


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("compose") / "env"
    write(file)
    return file


@pytest.fixture(scope="module")
def compose(env_file: Path) -> Iterator[Compose]:
    project = f"tracker-test-{secrets.token_hex(4)}"

    def run(*words: str) -> str:
        argv = ["docker", "compose", "-p", project, "--env-file", str(env_file), *words]
        ended = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=180)
        return ended.stdout + ended.stderr

    try:
        run("up", "-d", "--wait", "postgres", "redis")
        yield run
    finally:
        run("down", "-v", "-t", "5")


def password(env_file: Path, name: str) -> str:
    """One of `make env`'s."""
    return dict(line.split("=", 1) for line in env_file.read_text().splitlines() if "=" in line)[name]


@pytest.fixture
def as_admin(compose: Compose) -> Compose:
    return lambda *words: compose("exec", "-T", "redis", "redis-cli", "--user", "admin", "--no-auth-warning", *words)


@pytest.fixture
def as_service(compose: Compose, env_file: Path) -> Compose:
    """Commands of Redis, each with its words, in a row: one container call is a second where there is much to do."""
    given = f"REDISCLI_AUTH={password(env_file, 'TRACKER_REDIS_PASSWORD')}"

    def run(*commands: str) -> str:
        script = "\n".join(f"redis-cli --user tracker --no-auth-warning {command}" for command in commands)
        # Without names that * would stand for.
        return compose("exec", "-T", "-e", given, "redis", "sh", "-fc", script)

    return run


@pytest.fixture
def as_role(compose: Compose, env_file: Path) -> Callable[[str, str], str]:
    """(role, SQL) → what psql says, over the network."""

    def run(role: str, sql: str) -> str:
        name = {"tracker": "OWNER", "postgres": "ADMIN"}.get(role) or role.removeprefix("tracker_").upper()
        given = f"PGPASSWORD={password(env_file, f'TRACKER_POSTGRES_{name}_PASSWORD')}"
        return compose("exec", "-T", "-e", given, "postgres", "psql", "-h", "postgres", "-U", role, "-d", "tracker", "-Atc", sql)

    return run


def test_redis_transactions_survive_a_restart(compose: Compose, as_admin: Compose, as_service: Compose) -> None:
    """Redis reads its file back as `default`: turned off without its rights, it would lose every transaction and say nothing."""
    assert as_service("""EVAL "redis.call('SET', 'kept:1', 'a'); return redis.call('SET', 'kept:2', 'b')" 0""").strip() == "OK"

    compose("kill", "redis")
    compose("up", "-d", "--wait", "redis")

    assert as_admin("MGET", "kept:1", "kept:2").split() == ["a", "b"]
    assert as_admin("ACL", "LOG").strip() == ""


def test_redis_requires_a_password(compose: Compose) -> None:
    assert "NOAUTH" in compose("exec", "-T", "-e", "REDISCLI_AUTH=", "redis", "redis-cli", "GET", "x")


def test_the_services_cannot_empty_stop_or_reconfigure_redis(as_service: Compose) -> None:
    answers = as_service(*REFUSED)
    assert answers.count("NOPERM") == len(REFUSED), answers


def test_the_services_can_run_the_redis_commands_they_need(as_service: Compose) -> None:
    assert "NOPERM" not in as_service(*TAKEN)


def test_redis_syncs_every_write_and_never_evicts(as_admin: Compose) -> None:
    found = {name: as_admin("CONFIG", "GET", name).split()[-1] for name in ("appendonly", "appendfsync", "maxmemory-policy", "maxmemory")}
    assert found == {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "maxmemory": str(1024**3)}


def test_postgres_sorts_by_its_own_rules_and_not_by_those_of_the_image(as_role: Callable[[str, str], str]) -> None:
    asked = "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
    assert as_role("tracker_query", asked).strip() == "b|C.UTF-8|UTF8"


def test_each_service_role_has_the_privileges_it_needs(as_role: Callable[[str, str], str]) -> None:
    # What they may do with the tracker's own tables, tests/deploy/test_grants.py tests; with another they may do nothing.
    as_role("tracker", "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY, x int)")

    assert "CREATE TABLE" in as_role("tracker_worker", "CREATE TEMPORARY TABLE staged (x int)")
    assert as_role("tracker_query", "SET ROLE tracker_bound; SELECT current_user").split()[-1] == "tracker_bound"

    for role, refused in [
        ("tracker_query", "INSERT INTO t (x) VALUES (2)"),
        ("tracker_ingest", "INSERT INTO t (x) VALUES (2)"),
        ("tracker_worker", "SELECT x FROM t"),
        ("tracker_query", "CREATE TEMPORARY TABLE staged (x int)"),
        ("tracker_ingest", "DROP TABLE t"),
        ("tracker_worker", "CREATE TABLE u (x int)"),
        ("tracker", "CREATE ROLE somebody"),
        ("tracker", "COPY t TO PROGRAM 'cat'"),
    ]:
        assert "ERROR" in as_role(role, refused), (role, refused)


def test_the_superuser_cannot_connect_over_the_network(as_role: Callable[[str, str], str]) -> None:
    assert "pg_hba.conf rejects connection" in as_role("postgres", "SELECT 1")


def test_creating_the_roles_again_sets_new_passwords(compose: Compose, as_role: Callable[[str, str], str]) -> None:
    said = compose("exec", "-T", "postgres", "psql", "-q", "-U", "postgres", "-d", "tracker", "-f", "/docker-entrypoint-initdb.d/roles.sql")

    assert said.strip() == ""
    assert as_role("tracker_worker", "SELECT 1").strip() == "1"
