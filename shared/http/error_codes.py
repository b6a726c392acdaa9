"""Every error code of responses and import jobs: what it means and what to do. `make reference` writes docs/reference/errors.md from it."""

from typing import Final, NamedTuple

_RUNBOOK: Final = "[runbook](../how-to/runbook.md#nothing-arrives-any-more)"


class ErrorCode(NamedTuple):
    """`status` is None for an error of an import job."""

    code: str
    status: int | None
    meaning: str
    remedy: str


RESPONSES: Final = (
    ErrorCode("VALIDATION_ERROR", 400, "A field or a parameter is missing, unknown or not valid.", "Correct what `details` names."),
    ErrorCode("INVALID_JSON", 400, "The body is not JSON, not UTF-8, nested too deep, or ended early.", "Send one JSON value in UTF-8."),
    ErrorCode(
        "INVALID_CURSOR",
        400,
        "The cursor is not one of the tracker's, or belongs to other filters.",
        "Send `next_cursor` unchanged with the same filters, or leave it out.",
    ),
    ErrorCode(
        "INVALID_FILE",
        400,
        "The upload is not a multipart form with a field `file`, was cut off, or holds credentials.",
        "Send the file again. Never send a credentials file.",
    ),
    ErrorCode("UNKNOWN_PROJECT_FILE", 400, "Files of this kind cannot be imported.", "Send one of the kinds that the message lists."),
    ErrorCode(
        "UNAUTHORIZED",
        401,
        "A key is needed, or the key is not valid any more.",
        "Send `Authorization: Bearer cct_…`. `make key` or `tracker keys create` makes one.",
    ),
    ErrorCode("FORBIDDEN", 403, "The key's scopes, projects or user do not allow this.", "Use a key that may do it."),
    ErrorCode(
        "ORIGIN_NOT_ALLOWED",
        403,
        "The request comes from a page of another origin.",
        "Name the origin in `TRACKER_CORS_ORIGINS` if it is yours.",
    ),
    ErrorCode(
        "KEYS_WOULD_SEE_MORE",
        409,
        "A merge of projects would show both to a key that is bound to one of them.",
        "Revoke the keys that the message names, or send `widen_keys` true.",
    ),
    ErrorCode("RULE_NOT_FOUND", 404, "No rule about paths has this id.", "See `/api/project-rules`."),
    ErrorCode("NOT_FOUND", 404, "There is nothing under this path.", "See `/docs`. Write a slash in an id as `%2F`."),
    ErrorCode("PROJECT_NOT_FOUND", 404, "No project has this id, or the key does not see it.", "See `/api/projects`."),
    ErrorCode(
        "SESSION_NOT_FOUND",
        404,
        "No session has this id, or the key is bound to other projects.",
        "See `/api/sessions`. Start a session before you send its events.",
    ),
    ErrorCode(
        "JOB_NOT_FOUND",
        404,
        "No import job has this id, or another key sent it and this key may only send.",
        "See `/api/import/jobs`.",
    ),
    ErrorCode("TOOL_CALL_NOT_FOUND", 404, "No tool call has this id, or the key does not see it.", "See `/api/tool-calls`."),
    ErrorCode(
        "RESULT_NOT_STORED",
        404,
        "No transcript in the archive has all of what this call gave back. The archive may be off, or its days may be over.",
        "See `/api/tool-calls/{id}` for what is kept of it. Import the session's transcript.",
    ),
    ErrorCode(
        "TRANSCRIPT_NOT_FOUND",
        404,
        "No transcript of the session is stored, or not this file of it. The archive may be off (`TRACKER_ARCHIVE`), or its days may be over.",
        "See `/api/sessions/{id}/transcript/files`. Connect the machine, or import its history.",
    ),
    ErrorCode(
        "ITEM_NOT_FOUND",
        404,
        "The timeline has no such item: it is in another thread of the session, is hidden, or does not exist.",
        "The message says which. Leave `around` out to begin anew.",
    ),
    ErrorCode("SUBAGENT_NOT_FOUND", 404, "The session has no subagent of this id.", "The timeline's tool calls name those that it has."),
    ErrorCode("RETENTION_RULE_NOT_FOUND", 404, "No rule of retention has this id.", "See `/api/retention`."),
    ErrorCode("RETENTION_RUN_NOT_FOUND", 404, "No run of retention has this id.", "Start one with `tracker retention --dry-run`."),
    ErrorCode("PRICE_NOT_FOUND", 404, "No price that PUT has set has this id.", "See `/api/prices`."),
    ErrorCode("REPRICE_NOT_FOUND", 404, "No run that prices anew has this id.", "See `/api/reprices`."),
    ErrorCode("SCRUB_NOT_FOUND", 404, "No scrub has this id.", "Start one with `POST /api/scrubs` or `tracker scrub`."),
    ErrorCode("EXPORT_NOT_FOUND", 404, "No export has this id, or it is another user's.", "See `/api/exports`."),
    ErrorCode("ERASURE_NOT_FOUND", 404, "No erasure has this id.", "See `GET /api/erasures`."),
    ErrorCode("DEAD_LETTER_NOT_FOUND", 404, "No dead letter has this id, or it was deleted.", "See `/api/dead-letters`."),
    ErrorCode("VIEW_NOT_FOUND", 404, "No saved view has this id.", "See `/api/views`."),
    ErrorCode("KEY_NOT_FOUND", 404, "No key has this id.", "See `/api/keys`."),
    ErrorCode("USER_NOT_FOUND", 404, "No user has this name, or it is a former name of a user.", "See `/api/users`."),
    ErrorCode("METHOD_NOT_ALLOWED", 405, "The path exists for other methods.", "Use a method that `Allow` names."),
    ErrorCode(
        "REQUEST_TIMEOUT",
        408,
        "The request took too long to arrive, or an upload brought less than 16 KiB a second.",
        "Send it again, in smaller parts on a slow line.",
    ),
    ErrorCode(
        "CONFLICT",
        409,
        "The `Idempotency-Key` was used for another body, the `id` is another event's, the new name was another user's, or the job's state does not allow this.",
        "Use another key, id or name. `details` has the state.",
    ),
    ErrorCode(
        "TEXTS_DROPPED",
        410,
        "The texts of the session were older than texts are kept, and were dropped. Its numbers are still there.",
        "`tracker retention allow SESSION`, then import the session again.",
    ),
    ErrorCode(
        "ERASED",
        410,
        "The session, user or project was erased, or is kept no longer.",
        "Do not send it again. An admin can let it in with `tracker erase --lift`.",
    ),
    ErrorCode(
        "TRANSCRIPT_GONE",
        410,
        "The transcript is known, but the archive has lost its content.",
        "Restore the archive from a backup, or import the transcript again.",
    ),
    ErrorCode("EXPORT_GONE", 410, "The archive of the export is gone: it has expired, failed, or was deleted.", "Start another."),
    ErrorCode(
        "TRANSCRIPT_DAMAGED",
        410,
        "A part of the transcript is damaged in the archive: it is not what was stored.",
        "Restore the archive from a backup, or import the transcript again. `make verify ARCHIVE=yes` names all such files.",
    ),
    ErrorCode(
        "OFFSET_MISMATCH",
        409,
        "The range of a transcript does not go on where the file ends: a part is missing, or is known and cannot be cut off.",
        "Send the file from `details.offset` on.",
    ),
    ErrorCode(
        "GENERATION_SUPERSEDED",
        409,
        "The transcript was rewritten since: a range of a higher generation has come.",
        "Send `details.generation`, or a higher one from offset 0.",
    ),
    ErrorCode("PAYLOAD_TOO_LARGE", 413, "The body is larger than its limit.", "Send it in parts."),
    ErrorCode("UNSUPPORTED_MEDIA_TYPE", 415, "This `Content-Type` or encoding is not read here.", "Send what the message names."),
    ErrorCode(
        "HOST_NOT_ALLOWED", 421, "The tracker does not know the name in `Host`.", "Name it in `TRACKER_ALLOWED_HOSTS` if it is yours."
    ),
    ErrorCode(
        "TOO_MANY_TRIES",
        429,
        "Too many keys that are not valid came from this address.",
        "Wait for `Retry-After`. Keys that were used before go on working.",
    ),
    ErrorCode(
        "NOT_ENOUGH_QUOTA",
        429,
        "A window of the account has less left than `need` asks for.",
        "Wait for `Retry-After`, when the window resets; `details` names the windows.",
    ),
    ErrorCode("INTERNAL_ERROR", 500, "The tracker has a defect.", "Find the request's id in the log, and report it."),
    ErrorCode(
        "QUEUE_UNAVAILABLE",
        503,
        "Redis did not confirm the request in time.",
        "Send it again, with the ids in `details` if it has some. If it lasts, look at Redis.",
    ),
    ErrorCode(
        "BACKLOG_FULL",
        503,
        "The journal is full, since the workers are behind or do not run.",
        f"Send it again after `Retry-After`. If it lasts, see the {_RUNBOOK}.",
    ),
    ErrorCode(
        "DATABASE_UNAVAILABLE",
        503,
        "Postgres cannot be reached, or the query takes too long.",
        "Ask again. Ask for a shorter time or for one project.",
    ),
    ErrorCode(
        "UPLOADS_UNAVAILABLE",
        503,
        "The store of uploads cannot be written to, or has less than `TRACKER_UPLOADS_RESERVE_BYTES` left.",
        "Send it again. If it lasts, look at the disk or the bucket.",
    ),
    ErrorCode(
        "ARCHIVE_UNAVAILABLE",
        503,
        "The archive's folder or bucket cannot be read.",
        "Ask again. If it lasts, look at `TRACKER_ARCHIVE_URL`, the disk or the bucket.",
    ),
    ErrorCode(
        "OVERLOADED",
        503,
        "Too many requests, uploads, watchers or searches with a regular expression at once.",
        "Send it again after `Retry-After`. Raise `TRACKER_MAX_REQUESTS`, `TRACKER_MAX_UPLOADS`, `TRACKER_MAX_WATCHERS` or `TRACKER_MAX_LISTENERS`"
        " if the machine has room.",
    ),
    ErrorCode(
        "JOURNAL_BEHIND",
        503,
        "`/readyz` only: the oldest event waits for longer than `TRACKER_READY_LAG_SECONDS`. Writes are still accepted.",
        f"See whether a worker runs and what it logs: {_RUNBOOK}.",
    ),
    ErrorCode(
        "PIPELINE_STUCK",
        503,
        "`/readyz` only: all processes answer, but no canary has come back for too long.",
        f"See whether a worker and beat run (`make status`): {_RUNBOOK}.",
    ),
    ErrorCode("SERVICE_UNAVAILABLE", 503, "From the gateway: the service behind it starts or has stopped.", "Send it again in a second."),
)
IMPORT_JOBS: Final = (
    ErrorCode("INVALID_JSON", None, "A line is not JSON from some place on.", "Nothing for one line. Else copy the file again."),
    ErrorCode("TRUNCATED", None, "The last line is incomplete: the file was copied while it was written.", "Import it again later."),
    ErrorCode("NOT_AN_OBJECT", None, "A line is JSON, but not a record.", "Nothing."),
    ErrorCode("NESTED_TOO_DEEP", None, "A line is nested too deep.", "Nothing."),
    ErrorCode("LINE_TOO_LONG", None, "A line exceeds the limit. It is not imported.", "Nothing."),
    ErrorCode(
        "NOT_BELIEVED",
        None,
        "A number or time in a record cannot be true: more than 10 million lines, or a time before 2020 or after the import."
        " It was left out; the rest is stored.",
        "Nothing, or correct the file and import it again.",
    ),
    ErrorCode("NO_SESSION", None, "A payload of a hook names no session.", "Nothing."),
    ErrorCode("NO_TIME", None, "A record has no time, so it counts on no day.", "Nothing."),
    ErrorCode("INVALID_PROJECT_PATH", None, "A project was left out, since its path is not valid.", "Nothing."),
    ErrorCode(
        "NOT_A_TRANSCRIPT",
        None,
        "Nothing of the file was imported. It is another program's, or it has no records.",
        "Send Claude Code's own files.",
    ),
    ErrorCode(
        "DAMAGED",
        None,
        "The file or archive cannot be read beyond this place. The job has failed; what came before is imported.",
        "Copy it again and import it again. Nothing counts twice.",
    ),
    ErrorCode("DAMAGED_MEMBER", None, "A file in an archive cannot be read, or shares its bytes with another.", "Pack the archive again."),
    ErrorCode(
        "LIMIT_EXCEEDED",
        None,
        "The archive has too many files or bytes. The job has failed; what came before is imported.",
        "Send it in parts.",
    ),
    ErrorCode(
        "READING_STALLED",
        None,
        "Reading stood still for a minute. The job has failed; its files are kept.",
        "`tracker retry JOB`. If it fails again, send the files in parts.",
    ),
    ErrorCode(
        "UNKNOWN_EXPORT",
        None,
        "An export of everything is of another version, or of another program. Nothing of it is imported.",
        "Bring the older of the two trackers up to date.",
    ),
    ErrorCode(
        "INVALID_ROW",
        None,
        "A line of an export is no row of its table or cannot be stored, or a transcript is not as listed.",
        "Export it again.",
    ),
    ErrorCode(
        "OTHER_IDLE_GAP",
        None,
        "An export comes from a tracker that counts another pause as active time. Active times differ; all else is the same.",
        "Nothing, or give both the same `TRACKER_IDLE_GAP_SECONDS` from the start.",
    ),
    ErrorCode(
        "BASE_LEFT_OUT",
        None,
        "An export has numbers of sessions that its tracker had dropped. A tracker that has sessions of the same does not take them: of anybody, of the"
        " user, or of the project that was exported. The rest is imported.",
        "To have them, import the export first, before other sessions of the same.",
    ),
    ErrorCode(
        "BASE_TOO_LARGE",
        None,
        "The numbers of dropped sessions in an export, with those of other imports, are more than can be true. They are left out; the rest is imported.",
        "Undo the import that brought wrong numbers.",
    ),
    ErrorCode(
        "NOT_MERGED",
        None,
        "Two projects are one in the tracker of an export, and stay two here: a bound key would see more.",
        "`tracker project merge`, if the key may see both.",
    ),
    ErrorCode("ENCRYPTED", None, "A file in an archive is encrypted.", "Pack it without a password."),
    ErrorCode("NESTED_ARCHIVE", None, "An archive in an archive is not opened.", "Send it by itself."),
    ErrorCode("CREDENTIALS", None, "A credentials file was left out unread.", "Nothing."),
    ErrorCode("NOT_STORABLE", None, "The database refused a record. It is a dead letter now.", "See `tracker dead-letters`."),
    ErrorCode(
        "SESSION_OF_ANOTHER_USER",
        None,
        "The job's key is bound to a user, and these records are another user's. They were left out.",
        "Import them with a key of that user, or with an unbound key.",
    ),
    ErrorCode(
        "SESSION_OF_ANOTHER_PROJECT",
        None,
        "The job's key is bound to projects, and these records are of another. They were left out.",
        "Import them with a key of that project, or with an unbound key.",
    ),
    ErrorCode(
        "GIVEN_UP",
        None,
        "The job began five times and did not get further. It has failed, and keeps its files for a day.",
        "Read the worker's log, then `tracker retry JOB`.",
    ),
    ErrorCode(
        "CANNOT_WRITE",
        None,
        "The worker may not write what the job has to. It has failed, and keeps its files for a day.",
        "Give the worker the right that the message names, then `tracker retry JOB`.",
    ),
    ErrorCode(
        "CONTENT_MISSING",
        None,
        "The archive has lost a transcript that a reparse reads. No row of the session is removed.",
        "Restore the archive's folder or bucket, then `tracker reparse --session ID`.",
    ),
    ErrorCode(
        "CONTENT_DAMAGED",
        None,
        "A transcript that a reparse reads is damaged in the archive. No row of the session is removed.",
        "Restore the archive's folder or bucket, or import the transcript again. Then `tracker reparse --session ID`.",
    ),
    ErrorCode(
        "ROWS_WITHOUT_CONTENT",
        None,
        "A reparse did not find these rows, and no content that it read names them. They stay.",
        "Nothing. If their transcript is still on a machine, import it.",
    ),
    ErrorCode(
        "TOO_MANY_REMOVED",
        None,
        "A reparse stopped before it removed more rows than it was allowed to.",
        "Look at `tracker reparse --dry-run`, then start it again with a higher `--max-removed`.",
    ),
)
