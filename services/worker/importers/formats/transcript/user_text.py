"""Finds the user rows that a person wrote. Tool results, injected texts, compaction summaries and prompts of subagents are user rows too."""

from services.worker.importers.formats.transcript.transcript_rows import Block, Row

# Texts that Claude Code itself writes as the user (docs/explanation/claude-code-formats.md).
NOT_FROM_PERSON = (
    "<command-name>",
    "<command-message>",
    "<command-args>",
    "<local-command-",
    "<task-notification>",
    "<teammate-message",
    "<bash-input>",
    "<bash-stdout>",
    "<bash-stderr>",
    "<system-reminder>",
    "[Request interrupted",
)
# Blocks that an editor adds to the person's text.
FROM_EDITOR = ("<ide_opened_file>", "<ide_selection>", "<ide_diagnostics>")
ATTACHMENTS = {"image": "[Image]", "document": "[Document]"}


def text_of_person(row: Row) -> str | None:
    """The text that the person wrote; None if the row is not a person's. An image becomes [Image]."""
    if row.is_meta or row.is_compact_summary or row.is_sidechain or row.message is None:
        return None
    if row.origin is not None and row.origin.kind not in (None, "human"):
        return None
    content = row.message.content
    if isinstance(content, str):
        return content if content and not content.lstrip().startswith(NOT_FROM_PERSON) else None
    return _text_of_blocks(content or [])


def _text_of_blocks(blocks: list[Block]) -> str | None:
    parts = [text for block in blocks if (text := _text_of(block))]
    own = [part for part in parts if not part.lstrip().startswith(FROM_EDITOR)]
    if not parts or (own and own[0].lstrip().startswith(NOT_FROM_PERSON)):
        return None
    # A message may consist of the editor's blocks alone.
    return "\n".join(own or parts)


def _text_of(block: Block) -> str | None:
    return block.text if block.type == "text" else ATTACHMENTS.get(block.type or "")
