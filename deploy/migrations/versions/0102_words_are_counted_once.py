"""The dictionary has one count: near words come from the index of sessions, so nobody reads how often a word was written by people.

Workers of the version before still write `documents` during an upgrade, so it stays until a later version.
"""

from alembic import op

revision = "0102"
down_revision = "0101"


def upgrade() -> None:
    # For one commit, 0101 dropped it.
    op.execute("ALTER TABLE search_words ADD COLUMN IF NOT EXISTS documents bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE search_words ALTER COLUMN documents SET DEFAULT 0")
    op.execute("DELETE FROM search_words WHERE found_in <= 0")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
