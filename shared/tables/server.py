"""Tables of the server itself, such as prices, dead letters and settings: they belong to no session, person or project."""

from typing import Final

from shared.tables.table import CHANGE, KEEP, MADE_AGAIN, NONE, NOTHING, OF_THE_SERVER, READ, WRITE, Owner, Table

SERVER: Final = (
    Table("prices", Owner.SERVER, WRITE, KEEP, READ,
          "what calls cost is exported; by what the next ones are priced is decided where they come", NOTHING,
          "ID id key_id TIME valid_from changed_at NUMBER above_input_tokens input_usd output_usd cache_write_5m_usd cache_write_1h_usd "
          "cache_read_usd web_search_usd WORD source tier NAME model version"),
    Table("price_state", Owner.SERVER, CHANGE, KEEP, NONE,
          "what calls cost is exported; by what the next ones are priced is decided where they come", NOTHING,
          "ID version NUMBER only_row WORD of_workers"),
    Table("dead_letters", Owner.SERVER, "SELECT, UPDATE, DELETE", KEEP, READ, "they are no rows, and may be replayed here", "dead_letters",
          "ID id event_id journal_entry_id TIME received_at first_seen_at last_seen_at replayed_at stored_at NUMBER attempts replays WORD "
          "kind sqlstate TEXT reason request_id JSON bound BYTES payload"),
    Table("unread_formats", Owner.SERVER, NONE, KEEP, READ, OF_THE_SERVER, NOTHING,
          "ID id TIME first_seen_at last_seen_at NUMBER count WORD version kind NAME name"),
    Table("ledger", Owner.SERVER, NONE, KEEP, READ, OF_THE_SERVER, NOTHING,
          "TIME last_received_at NUMBER slot persisted duplicates dead left_out"),
    Table("accounts", Owner.SERVER, NONE, KEEP, READ, OF_THE_SERVER, NOTHING,
          "ID epoch NUMBER slot persisted duplicates dead left_out"),
    Table("drainers", Owner.SERVER, NONE, KEEP, READ, OF_THE_SERVER, NOTHING,
          "ID consumer applied TIME registered_at NUMBER is_fenced"),
    Table("canaries", Owner.SERVER, NONE, KEEP, READ, OF_THE_SERVER, NOTHING,
          "ID id TIME sent_at received_at stored_at"),
    Table("fixed_settings", Owner.SERVER, NONE, KEEP, READ, OF_THE_SERVER, NOTHING,
          "WORD name value"),
    Table("search_changes", Owner.SERVER, "INSERT", KEEP, READ, MADE_AGAIN, "search_hosts",
          "ID changed_by keys session_ids TIME noted_at NUMBER number row_count WORD kind"),
    Table("search_changes_kept", Owner.SERVER, NONE, KEEP, READ, MADE_AGAIN, NOTHING,
          "ID since NUMBER is_one"),
    Table("search_purges", Owner.SERVER, NONE, KEEP, READ, MADE_AGAIN, NOTHING,
          "TIME asked_at NUMBER number"),
    Table("alembic_version", Owner.SERVER, READ, "SELECT, MAINTAIN", READ, OF_THE_SERVER, NOTHING,
          "ID version_num"),
)  # fmt: skip
