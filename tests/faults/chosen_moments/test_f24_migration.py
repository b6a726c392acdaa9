"""F24: a migration needs a hot table during writes and a long read: nothing is refused and nothing lost."""

import asyncio
from pathlib import Path

import pytest

from deploy.embedded.servers.postgres import PostgresServer
from deploy.migrations.migrate import migrate
from tests.faults import checks
from tests.faults.clients.acks import Acks
from tests.faults.clients.writers import Tally, writing
from tests.faults.product.stack import Stack
from tests.unit.migrations.next_migration import add_next

RATE = 300.0
READING_SECONDS = 6.0


async def migrated_under_load(stack: Stack, acks: Acks, tally: Tally, scripts: Path) -> None:
    async with writing(stack.port, acks, tally, seed=24, rate=RATE):
        await asyncio.sleep(1)
        # A long report: an exclusive lock on these tables has to wait, and so has every later lock.
        with stack.database() as reader:
            reader.autocommit = False
            reader.execute("SELECT FROM messages, sessions LIMIT 1")
            url = PostgresServer(stack.paths.postgres, stack.paths.run, stack.paths.log("postgres")).url
            migration = asyncio.create_task(asyncio.to_thread(migrate, url, scripts=scripts))
            await asyncio.sleep(READING_SECONDS)
            assert not migration.done()
        await migration
        await asyncio.sleep(1)


def test_a_migration_backs_off_and_succeeds_under_load(stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    scripts = add_next(
        tmp_path,
        "ALTER TABLE messages ADD COLUMN mood text",
        "ALTER TABLE sessions ADD COLUMN mood text",
        "ALTER TABLE tool_calls ADD COLUMN mood text",
    )

    acks, tally = Acks(tmp_path / "acknowledged"), Tally()
    try:
        asyncio.run(migrated_under_load(stack, acks, tally, scripts))
    finally:
        acks.close()
    # It said what it waited for, and got through.
    assert "The migration is held up" in capfd.readouterr().err

    with stack.database() as connection:
        connection.execute("SELECT m.mood, s.mood, t.mood FROM messages AS m, sessions AS s, tool_calls AS t LIMIT 0")
    # Everything sent meanwhile was accepted, none of it late or twice, and the numbers are right.
    assert tally.violations == []
    # (A connection that was idle for 5 s may be closed by the server just when it is used again; then there is no answer.)
    assert {answer for answer in tally.answers if answer.isdigit()} <= {"200", "201"}

    count = checks.check(stack, acks)
    assert count.violations == []
    assert count.accepted.total() > RATE * READING_SECONDS / 2

    print(f"{count.accepted.total()} events accepted and stored around the migration; answers {dict(tally.answers)}")
