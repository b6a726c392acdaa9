"""A backup under load, and a new stack out of it: all from before its moment, nothing from after it."""

from datetime import datetime
from pathlib import Path

import pytest

from deploy.containers import backup, restore
from deploy.containers.compose import ContainersError
from deploy.embedded.backups.backup_manifest import Manifest
from tests.compose.counting import count_acknowledged
from tests.compose.load import Load
from tests.compose.stack import Composed
from tests.faults.checks import TABLES
from tests.faults.clients.acks import Acks
from tests.faults.pace import stretch

# Runnable processes per processor (tests/faults/pace.py).
CALM = 2.0
# Clocks of two processes.
TOLERANCE_SECONDS = 0.01


def back_up(stack: Composed, load: Load, target: Path) -> str:
    """No request is refused because of it. Judged on a calm machine only: a busy one refuses requests without a backup too."""
    load.fault("backup")
    stack.use()
    load.await_flow()
    refused = load.tally.answers["503"]
    manifest = backup.back_up(target)
    size = sum(file["bytes"] for file in manifest.files.values())
    load.await_flow()
    refused = load.tally.answers["503"] - refused
    assert not refused or stretch() > CALM, f"{refused} requests were refused during the backup"
    return f"{size / 1e6:.1f} MB, {refused} requests refused"


def restore_elsewhere(restored: Composed, load: Load, target: Path) -> str:
    """Into a stack of its own, whose volumes are empty; and never again into it, when they are not."""
    restored.use()
    manifest = restore.restore(target)
    told = _compare(restored, load, manifest, target)
    restored.use()
    restored.down()
    with pytest.raises(ContainersError, match="never replaces"):
        restore.restore(target)
    restored.up()
    return f"{told}; a second restore into it is refused"


def _compare(restored: Composed, load: Load, manifest: Manifest, target: Path) -> str:
    moment = datetime.fromisoformat(manifest.moment)
    before = {event_id for event_id, at in load.acks.accepted.items() if at <= moment}
    after = {event_id for event_id, at in load.acks.sent.items() if at.timestamp() > moment.timestamp() + TOLERANCE_SECONDS}
    assert before and after, (len(before), len(after))
    acknowledged = Acks(target.with_name("acknowledged-before"))
    lines = (line for line in load.acks.path.read_text().splitlines(keepends=True) if line.partition("\t")[0] in before)
    acknowledged.path.write_text("".join(lines))
    acknowledged.close()
    told = count_acknowledged(restored, acknowledged)
    with restored.database() as connection:
        query = " UNION ALL ".join(f"SELECT id FROM {table}" for table in TABLES)
        stored = {str(row[0]) for row in connection.execute(query.encode())}
    assert not stored & after, f"{len(stored & after)} events from after the moment"
    return f"{told}; none of {len(after):,} from after it"
