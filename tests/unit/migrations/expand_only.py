"""Acts that a migration must not do while the services run, told from its SQL: it may expand the schema, and contract it a release later.

A statement that is right all the same says why in a comment right before it: `-- Safe while running: …`.
"""

import re
from collections.abc import Iterator

BIG = (
    "messages|tool_calls|activities|api_calls|session_events|session_facts|sessions|files|session_files|\\w+_rollups|active_days|file_sets"
)

RULES = {
    "drops a table, which the running release may still use": r"\bDROP TABLE\b",
    "drops or renames a column, which the running release may still use": r"\bDROP COLUMN\b|\bRENAME\b",
    "changes a column's type, which rewrites the table under an exclusive lock": r"\bALTER COLUMN \w+ (SET DATA )?TYPE\b",
    "adds a column that old inserts do not fill": r"\bADD COLUMN (?:(?!,\s*ADD).)*\bNOT NULL\b(?:(?!,\s*ADD).)*$",
    "fills a new column row by row, which rewrites the table": r"\bDEFAULT (?:clock_timestamp|random|gen_random_uuid|uuidv[47])\b|\bGENERATED ALWAYS AS \(",
    "reads the whole table under an exclusive lock; first ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID and VALIDATE it": r"\bSET NOT NULL\b",
    "checks all rows under a lock; add it NOT VALID and VALIDATE it in the next migration": r"\bADD CONSTRAINT\b(?!.*\bNOT VALID\b)",
    "keeps out every write while the index is built; CREATE INDEX CONCURRENTLY outside a transaction": rf"\bCREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).*?\bON (?:{BIG})\b",
    "touches every row in one transaction; do it in parts": rf"\b(?:UPDATE|DELETE FROM) (?:ONLY )?(?:{BIG})\b(?!.*\bWHERE\b)",
    "locks everybody out": r"\bTRUNCATE\b|\bCLUSTER\b|\bVACUUM FULL\b|\bLOCK TABLE\b|\bREINDEX (?!.*CONCURRENTLY)",
    "takes the time-outs off": r"\bSET (?:LOCAL )?(?:statement_timeout|lock_timeout) (?:=|TO) 0",
}
REASON = "safe while running:"


def objections(sql: str) -> list[str]:
    """One sentence for each statement that breaks a rule."""
    found = []
    new_tables = set(re.findall(r"\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)", sql))
    for comment, statement in _statements(sql):
        if REASON in comment.lower():
            continue
        # Changes of a table that this migration creates block nothing.
        target = re.match(r"(?:ALTER TABLE (?:ONLY )?|CREATE (?:UNIQUE )?INDEX .*?\bON |UPDATE |DELETE FROM )(\w+)", statement)
        if (target and target[1] in new_tables) or statement.startswith("CREATE TABLE"):
            continue
        found += [f"{statement[:80]!r} {what}" for what, pattern in RULES.items() if _breaks(pattern, statement)]
    return found


def _breaks(pattern: str, statement: str) -> bool:
    """Each action of ALTER TABLE is looked at by itself."""
    _, _, actions = statement.partition(" ADD COLUMN ")
    if "ADD COLUMN" in pattern and actions:
        columns = re.split(r",\s*ADD COLUMN ", actions)
        return any("NOT NULL" in column and "DEFAULT" not in column and "GENERATED" not in column for column in columns)
    return re.search(pattern, statement) is not None


def _statements(sql: str) -> Iterator[tuple[str, str]]:
    """(the comments before and in it, the statement in one line). Bodies in $$ stay whole."""
    # Every second part is a body.
    parts = [part.replace(";", "\0") if at % 2 else part for at, part in enumerate(sql.split("$$"))]
    for masked in re.split(r";\s*(?:\n|$)", "$$".join(parts)):
        part = masked.replace("\0", ";")
        comment = " ".join(re.findall(r"--(.*)", part))
        statement = re.sub(r"\s+", " ", re.sub(r"--.*", "", part)).strip()
        if statement:
            yield comment, statement
