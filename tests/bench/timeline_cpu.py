"""`python -m tests.bench.timeline_cpu`: CPU of a page of the long session's timeline and of its turns, in the query service and in Postgres.

A small data set with one session of 20,000 items is made first and kept. CPU is counted for each request, by the scheduler of Linux: on a busy
machine the clock says how long a page waited.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.bench.asking import Asker, url
from tests.bench.data_sets import bench_dir, prepared
from tests.bench.plan import LONG, LONG_FROM, Volume, make_plan
from tests.bench.report import machine, milliseconds, percentile, table
from tests.bench.servers import served

QUERY_APP = "tests.bench.timed_query:create_app"
VOLUME = Volume(LONG.messages * LONG_FROM, LONG.tool_calls * LONG_FROM, LONG.activities * LONG_FROM)
HEAD = ("page", "query p50", "Postgres p50", "together p50", "p90", "least", "http p50")


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=60, help="a row of the table")
    parser.add_argument("--limit", type=int, default=100, help="items on a page of the timeline")
    options = parser.parse_args()
    with ExitStack() as stack:
        server = prepared(options.seed, VOLUME)
        stack.callback(server.stop)
        # One connection: all statements run in one process of Postgres.
        environment = {
            "TRACKER_DATABASE_URL": server.url,
            "TRACKER_REDIS_URL": "redis://127.0.0.1:1/0",
            "TRACKER_QUERY_DATABASE_CONNECTIONS": "1",
            # None can be had there, so no writer makes a search index meanwhile.
            "TRACKER_SEARCH_FOLDER": "/dev/null",
        }
        query = stack.enter_context(served(QUERY_APP, environment, bench_dir() / "query-timeline.log"))
        asker = Asker(query.port)
        stack.callback(asker.close)
        session = f"/api/sessions/{make_plan(options.seed, VOLUME).long_session_id}"
        pages = _pages(asker, session, options.limit)
        [backend] = _backends(server.pid)
        rows = [_row(name, ask, asker, (query.pid, backend), options.requests) for name, ask in pages.items()]
    print(f"One client, warm; milliseconds of CPU, and of the clock for http. {machine()}.\n")
    print(table(HEAD, rows))
    return 0


def _pages(asker: Asker, session: str, limit: int) -> dict[str, Callable[[Random], str]]:
    timeline, turns = f"{session}/timeline", f"{session}/turns"
    cursors, turn_cursors = list(_cursors(asker, timeline, limit)), list(_cursors(asker, turns, 50))
    every = asker.get(timeline, limit=1000, threads="all", order="desc")["items"]
    agent_id = next(item["agent_id"] for item in every if item["agent_id"])
    ids = [item["id"] for cursor in cursors for item in asker.get(timeline, limit=limit, cursor=cursor)["items"][::10]]
    return {
        "first": lambda _: url(timeline, limit=limit),
        "around an item": lambda random: url(timeline, limit=limit, around=random.choice(ids)),
        "last": lambda _: url(timeline, limit=limit, order="desc"),
        "deep": lambda random: url(timeline, limit=limit, cursor=random.choice(cursors)),
        "all threads, around an item": lambda random: url(timeline, limit=limit, around=random.choice(ids), threads="all"),
        "a subagent": lambda _: url(timeline, limit=limit, agent_id=agent_id),
        "turns, first 50": lambda _: turns,
        "turns, deep 50": lambda random: url(turns, cursor=random.choice(turn_cursors)),
    }


def _cursors(asker: Asker, path: str, limit: int) -> Iterator[str]:
    cursor = asker.get(path, limit=limit)["next_cursor"]
    while cursor is not None:
        yield cursor
        cursor = asker.get(path, limit=limit, cursor=cursor)["next_cursor"]


def _row(name: str, ask: Callable[[Random], str], asker: Asker, processes: tuple[int, int], requests: int) -> list[str]:
    random = Random(name)
    query_ms, postgres_ms, http_ms = [], [], []
    for number in range(requests + 3):
        asked = ask(random)
        before = [_cpu_ms(pid) for pid in processes]
        timing = asker.time(asked)
        query, postgres = (_cpu_ms(pid) - used for pid, used in zip(processes, before, strict=True))
        if number >= 3:  # the first ones warm up
            query_ms.append(query)
            postgres_ms.append(postgres)
            http_ms.append(timing.http_ms)
    together = [sum(each) for each in zip(query_ms, postgres_ms, strict=True)]
    numbers = (
        percentile(query_ms, 0.5),
        percentile(postgres_ms, 0.5),
        percentile(together, 0.5),
        percentile(together, 0.9),
        min(together),
        percentile(http_ms, 0.5),
    )
    return [name, *map(milliseconds, numbers)]


def _cpu_ms(pid: int) -> float:
    """What a process has used so far, its threads together."""
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in Path(f"/proc/{pid}/task").iterdir()) / 1e6


def _backends(postmaster: int) -> list[int]:
    """The processes that serve connections."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        status = (process / "stat").read_text().rpartition(")")[2].split() if (process / "stat").exists() else ["", ""]
        if status[1] == str(postmaster) and "tracker tracker" in (process / "cmdline").read_text():
            found.append(int(process.name))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
