"""A worker's sign of life: the file is touched by the loop that works, and tells by its age."""

from pathlib import Path

from celery.signals import beat_init, before_task_publish, heartbeat_sent

from services.worker import healthcheck, heartbeat


def test_a_worker_that_has_shown_life_within_a_minute_is_alive(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert "There is no" in str(healthcheck.problem(file, 0.0))

    file.touch()

    touched = file.stat().st_mtime
    assert healthcheck.problem(file, touched + 59) is None
    assert "No sign of life for 61 s" in str(healthcheck.problem(file, touched + 61))


def test_a_workers_heartbeat_touches_the_file_and_a_ring_does_only_in_beat(tmp_path: Path) -> None:
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
