"""`python -m tests.bench.disk`: what transcripts take on the disk once they are imported and can be searched, by table and by index.

The stack is a whole `make up` with fresh data, the folder made of the sample transcripts (TRACKER_SAMPLES), copied with fresh ids until it is as large as
asked. The log (WAL) is told apart: as it is then, and behind the next checkpoint, which comes within ten minutes.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import psycopg

from deploy.embedded.paths import Paths
from deploy.embedded.servers.postgres import PostgresServer
from tests.bench.import_archive import make_home, samples
from tests.bench.report import table
from tests.bench.whole_stack import await_searchable, bytes_in, import_home, started

REPOSITORY: Final = Path(__file__).parents[2]
# Smaller ones are told together.
_LEAST_SHARE: Final = 0.003

_TABLES: Final = """
    SELECT c.relname, c.reltuples::bigint, pg_table_size(c.oid) - coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0),
        coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0), pg_indexes_size(c.oid)
    FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY pg_total_relation_size(c.oid) DESC"""
_INDEXES: Final = """
    SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace ORDER BY 2 DESC"""
_DATABASES: Final = "SELECT sum(pg_database_size(oid)) FROM pg_database"


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.disk")
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--code", type=Path, default=REPOSITORY, help="a checkout to measure, instead of this one")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tracker-disk-"))
    folder.chmod(0o755)
    try:
        written = make_home(samples(), folder / "home", options.megabytes * 1_000_000)
        with started(options.code, folder / "home", folder / "data") as environment:
            import_home(options.code, environment)
            await_searchable(environment)
            print(_told(Paths(folder / "data"), written))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _told(paths: Paths, written: int) -> str:
    wal = bytes_in(paths.postgres / "pg_wal")
    server = PostgresServer(paths.postgres, paths.run, paths.log("postgres")).url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        tables = connection.execute(_TABLES).fetchall()
        indexes = connection.execute(_INDEXES).fetchall()
        [(databases,)] = connection.execute(_DATABASES).fetchall()
        connection.execute("CHECKPOINT")
    later = bytes_in(paths.postgres / "pg_wal")
    archive, search = bytes_in(paths.archive), bytes_in(paths.search)
    rest = sum(bytes_in(each) for each in (paths.redis, paths.blobs, paths.logs))
    in_tables = sum(sum(row[2:]) for row in tables)
    everything = int(databases) + archive + search + rest
    parts = [
        ("tables and their indexes", in_tables),
        ("archive", archive),
        ("search index", search),
        ("catalogs, and Postgres' own three databases", int(databases) - in_tables),
        ("Redis, uploads, the services' logs", rest),
        ("together", everything),
        ("besides: WAL as it is then", wal),
        ("besides: WAL behind the next checkpoint", later),
    ]
    return "\n\n".join(
        (
            f"{written / 1e6:,.0f} MB of transcripts.",
            table(("", "MB", "of a byte of transcripts"), [(name, _mb(size), f"{size / written:.3f}") for name, size in parts]),
            table(("table", "rows", "rows, MB", "long texts, MB", "indexes, MB", "of a byte"), _of_tables(tables, written)),
            table(
                ("index", "MB", "of a byte"),
                [(name, _mb(size), f"{size / written:.4f}") for name, size in indexes if size > _LEAST_SHARE * in_tables],
            ),
        )
    )


def _of_tables(tables: list[Any], written: int) -> list[tuple[str, ...]]:
    least = _LEAST_SHARE * sum(sum(row[2:]) for row in tables)
    large = [row for row in tables if sum(row[2:]) > least]
    small = [row for row in tables if sum(row[2:]) <= least]
    together = (f"{len(small)} others", sum(max(row[1], 0) for row in small), *(sum(row[at] for row in small) for at in (2, 3, 4)))
    return [
        (name, f"{rows:,}", _mb(heap), _mb(toast), _mb(of_indexes), f"{(heap + toast + of_indexes) / written:.4f}")
        for name, rows, heap, toast, of_indexes in (*large, together)
    ]


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"


if __name__ == "__main__":
    sys.exit(main())
