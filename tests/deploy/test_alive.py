"""A worker's health check: its event loop touches a heartbeat file, whose age decides."""

from pathlib import Path

from celery.signals import beat_init, before_task_publish, heartbeat_sent

from services.worker import healthcheck, heartbeat


def test_a_worker_with_a_heartbeat_within_a_minute_is_alive(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert "There is no" in str(healthcheck.problem(file, 0.0))

    file.touch()

    touched = file.stat().st_mtime
    assert healthcheck.problem(file, touched + 59) is None
    assert "No heartbeat for 61 s" in str(healthcheck.problem(file, touched + 61))


def test_worker_heartbeats_touch_the_file_and_sent_tasks_do_so_only_in_beat(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    before = [list(signal.receivers) for signal in (heartbeat_sent, beat_init, before_task_publish)]
    try:
        heartbeat.keep(file)
        before_task_publish.send(sender="drain")
        assert not file.exists(), "a worker's tasks ring too"
        heartbeat_sent.send(sender=None)
        assert file.exists()
        file.unlink()
        beat_init.send(sender=None)
        before_task_publish.send(sender="drain")
        assert file.exists()
    finally:
        for signal, receivers in zip((heartbeat_sent, beat_init, before_task_publish), before, strict=True):
            signal.receivers = receivers
            signal.sender_receivers_cache.clear() if signal.use_caching else None
