"""How many processes the pool of a worker has that was started with `--autoscale`.

Celery's own autoscaler starts a process for each task that comes while another runs, and ends none while any task came in the last 30 seconds. A task
every 15 seconds, as the canary is, would keep every process that was ever started.
"""

from typing import Any, Final

from celery.worker.autoscale import Autoscaler

from services.worker.least_share import LeastShare

# A task that waits for longer than this needs a process of its own. Most are done sooner.
WAIT_SECONDS: Final = 0.1


class NeededProcesses(Autoscaler):
    """Starts a process when a task has waited for one, and ends it when none has for 30 seconds."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_waiting = False
        self._least_share = LeastShare()

    def maybe_scale(self, req: Any = None) -> None:
        """Called in the worker's event loop: for each task that comes, and every 30 seconds without one."""
        if req is None:
            self._least_share.look(self.pool.info["processes"])
            super().maybe_scale()
        elif not self._is_waiting and self.qty > self.min_concurrency:
            self._is_waiting = True
            self.worker.hub.call_later(WAIT_SECONDS, self._scale_if_needed)

    def _scale_if_needed(self) -> None:
        self._is_waiting = False
        if self.qty > self.min_concurrency:
            # From now on the processes are kept for 30 seconds.
            self.on_task_received(None)  # type: ignore[attr-defined]
            super().maybe_scale()
