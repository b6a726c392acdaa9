"""What an uploaded file is, by what is in it: ingest refuses what no importer reads, the worker chooses the importer, and asks again of an archive's members."""

from collections.abc import Set


def seems_to_be(record_types: Set[str]) -> str:
    """What a file of JSON lines is that is no transcript, by the `type`s of its records. Completes the sentence "the file …"."""
    if record_types & {"session_meta", "response_item", "event_msg", "turn_context"}:
        return "seems to be a log of Codex, not of Claude Code"
    if record_types & {"gemini"}:
        return "seems to be a log of Gemini CLI, not of Claude Code"
    if record_types & {"system", "assistant", "user", "result", "stream_event"}:
        return (
            "seems to be the output of `claude --output-format stream-json`; import the session's transcript in ~/.claude/projects instead"
        )
    return "has JSON records, but none that Claude Code writes"
