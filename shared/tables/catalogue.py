"""The catalogue: all tables of the database, each with what its DDL cannot say. Grants, scrubs, erasures, exports and retention follow from it.

tests/deploy/test_catalogue.py compares it with the database: a new table, and a new column, must be told.
"""

from typing import Final

from shared.tables.acts import ACTS
from shared.tables.jobs import JOBS
from shared.tables.people import PEOPLE
from shared.tables.server import SERVER
from shared.tables.sessions import SESSIONS
from shared.tables.sums import SUMS
from shared.tables.table import Table

# Rows of sessions come before the sessions: a scrub goes over the tables in this order, and makes titles again from the rows.
TABLES: Final[dict[str, Table]] = {table.name: table for table in (*ACTS, *SESSIONS, *SUMS, *PEOPLE, *JOBS, *SERVER)}
