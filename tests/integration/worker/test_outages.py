"""During an outage of Postgres or Redis a task logs one line; any other error stays an error."""

import subprocess
import sys

import pytest
from celery.exceptions import Ignore
from structlog.testing import capture_logs

from services.worker.drain.drain_partition import drain
from services.worker.resources import open_resources
from services.worker.retry_later import retry_later_if_unavailable
from services.worker.settings import Settings

NOBODY_LISTENS = "127.0.0.1:1"


@pytest.mark.parametrize("away", ["postgres", "redis"])
def test_an_outage_is_one_warning_with_the_reason(away: str, database_url: str, redis_url: str) -> None:
    # Given a worker that reaches only one of the two
    urls = {"postgres": f"postgresql://{NOBODY_LISTENS}/tracker", "redis": f"redis://{NOBODY_LISTENS}"}
    worker = open_resources(Settings(**{"database_url": database_url, "redis_url": redis_url} | {f"{_SETTING[away]}_url": urls[away]}))

    # When it drains
    with capture_logs() as lines, pytest.raises(Ignore), retry_later_if_unavailable("drain"):
        drain(worker)
    worker.close()

    # Then there is one line, without a traceback
    [line] = lines
    assert (line["event"], line["log_level"], line["task"]) == ("task_postponed", "warning", "drain")
    assert "refused" in line["reason"]
    assert "\n" not in line["reason"]
    assert "exc_info" not in line


_SETTING = {"postgres": "database", "redis": "redis"}


def test_another_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError), retry_later_if_unavailable("drain"):
        _ = 1 / 0


def test_beat_and_flower_load_no_database_stack() -> None:
    program = "import sys, services.worker.app as a; a.app.loader.init_worker(); print({'sqlalchemy', 'psycopg'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "set()\n"
