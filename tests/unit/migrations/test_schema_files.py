"""The files of the schema name code and documents that exist."""

import re
from pathlib import Path

from deploy.migrations.migrate import SCRIPTS

ROOT = Path(__file__).parents[3]
# A schema that databases have does not change. The tables that were there then, and that a later migration drops.
GONE = {"shared/document_words.py"}


def test_files_named_in_the_schema_exist() -> None:
    named = {
        name
        for path in (SCRIPTS / "schema").glob("*.sql")
        for name in re.findall(r"\b((?:services|shared|deploy|tests|docs)/[\w./-]+\.\w+)", path.read_text(encoding="utf-8"))
    }

    assert len(named) > 10
    assert {name for name in named if not (ROOT / name).exists()} == GONE
