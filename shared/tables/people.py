"""People, their machines and keys, and projects."""

from typing import Final

from shared.tables.table import CHANGE, EXPORTED, KEEP, NONE, READ, WITH_OWNER, WRITE, Owner, Table

PEOPLE: Final = (
    Table("users", Owner.USER, "SELECT, INSERT, UPDATE (name, alias_of, merge_requested_at)", KEEP, READ, EXPORTED, "names",
          "ID -brought_by USER -id alias_of TIME -merge_requested_at WORD -merge_failure USER_NAME name"),
    Table("machines", Owner.USER, WRITE, KEEP, READ, EXPORTED, "names",
          "ID machine_id -brought_by TIME first_seen_at last_heard_at NAME name USER_NAME -user_name JSON report"),
    Table("quota_readings", Owner.USER, NONE, KEEP, READ,
          "how full an account's windows were, which are over when another tracker reads it", WITH_OWNER,
          "ID machine_id key_id USER user_id HASH account TIME resets_at first_read_at last_read_at NUMBER used_percentage WORD source "
          "kind"),
    Table("saved_views", Owner.SERVER, WRITE, KEEP, READ, EXPORTED, WITH_OWNER,
          "ID id -key_id -brought_by TIME created_at NAME name TEXT address"),
    Table("retention_rules", Owner.USER, WRITE, KEEP, READ, "how long things are kept is decided where they are kept", "names",
          "ID id project_id key_id USER user_id TIME changed_at NUMBER days WORD what"),
    # Workers of 0.1.0 write last_session_at, which nobody reads any more: it can go with the next version.
    Table("projects", Owner.PROJECT,
          "SELECT, INSERT, UPDATE (name, group_name, is_archived, visibility, is_kept_apart, part_of, merged_into, merged_by, merge_evidence,"
          "merged_by_key, merged_at, rekey_requested_at)", KEEP, READ, EXPORTED, "names",
          "ID id -brought_by part_of -merged_into -merged_by_key HASH -path_key TIME -last_session_at -created_at merged_at "
          "-rekey_requested_at -judged_at NUMBER is_named is_kept_apart is_archived WORD visibility merged_by -rekey_failure NAME path "
          "name merge_evidence group_name -repository"),
    Table("project_changes", Owner.PROJECT, CHANGE, KEEP, READ, "what can be undone here; what projects are part of is exported", "names",
          "ID id project_id who TIME at undone_at JSON before after"),
    Table("project_places", Owner.PROJECT, CHANGE, KEEP, READ, EXPORTED, "names",
          "ID -id told_by -brought_by HASH -path_key TIME told_at -judged_at NUMBER is_main NAME path common_dir remote inside"),
    Table("project_rules", Owner.PROJECT, WRITE, KEEP, READ, EXPORTED, "names",
          "ID -id -project_id -key_id -brought_by TIME created_at -judged_at NAME pattern"),
    Table("api_keys", Owner.SERVER, CHANGE,
          "SELECT (id, name, scopes, user_name, user_names, project_ids, revoked_at), UPDATE (name, user_name, user_names, revoked_at),"
          "MAINTAIN", READ, "keys and what admins did stay where they are", "names",
          "ID id project_ids HASH sha256 TIME created_at last_used_at revoked_at WORD scopes NAME name USER_NAME user_name user_names[]"),
    Table("key_logins", "api_keys", "SELECT, INSERT, DELETE", "SELECT (key_id), DELETE, MAINTAIN", READ,
          "keys and what admins did stay where they are", "names",
          "ID id key_id HASH sha256 TIME created_at expires_at"),
    Table("audit_log", Owner.SERVER, "INSERT (who, act, subject, details, request_id)",
          "SELECT, INSERT (who, act, subject, details, request_id), UPDATE (subject, details, request_id), DELETE, MAINTAIN", READ,
          "keys and what admins did stay where they are", "audit_log",
          "ID id who TIME at WORD act NAME subject TEXT request_id JSON details"),
)  # fmt: skip
