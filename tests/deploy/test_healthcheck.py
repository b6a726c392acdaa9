"""A worker's health check: its event loop touches a heartbeat file, whose age decides."""

from pathlib import Path

from celery.signals import heartbeat_sent

from services.worker import healthcheck, heartbeat


def test_a_worker_with_a_heartbeat_within_a_minute_is_alive(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert "There is no" in str(healthcheck.problem(file, 0.0))

    file.touch()

    touched = file.stat().st_mtime
    assert healthcheck.problem(file, touched + 59) is None
    assert "No heartbeat for 1 min 01 s" in str(healthcheck.problem(file, touched + 61))


def test_a_workers_heartbeat_touches_the_file(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    before = list(heartbeat_sent.receivers)
    try:
        heartbeat.keep(file)
        assert not file.exists()
        heartbeat_sent.send(sender=None)
        assert file.exists()
    finally:
        heartbeat_sent.receivers = before
        heartbeat_sent.sender_receivers_cache.clear() if heartbeat_sent.use_caching else None
