"""A session as Markdown: prompts as quotes, Claude's texts as they are, a line for each tool call, and below it what it changed and gave back."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.query.answers.timeline import EntryItem, FileChangeItem, MessageItem, TimelineItem, ToolCallItem
from services.query.export import phrases
from services.query.export.markdown_text import code, contained, escaped, fenced, quoted
from services.query.export.phrases import ExportedSession, Options
from services.query.export.plain_text import one_line, plain
from services.query.export.walk import Begin, End, Item, Step
from shared import quantities

_MOST_IN_A_LINE: Final = 300


def as_markdown(session: ExportedSession, steps: Iterable[Step], options: Options) -> Iterator[str]:
    """The session piece by piece."""
    yield f"# {escaped(phrases.title(session))}\n\n"
    yield "".join(f"- **{name}:** {escaped(value)}\n" for name, value in phrases.facts(session, options.zone))
    if session.note:
        yield "\n" + quoted(contained(plain(session.note)))
    speakers: list[str | None] = [None]
    is_list = False
    for step in steps:
        match step:
            case Begin(level, subagent):
                speakers.append(None)
                text = f"**Subagent** {code(one_line(subagent.agent_id, 60))}, {escaped(phrases.subagent_line(subagent))}\n"
                yield "\n" + quoted(text, level + 1)
                is_list = False
            case End():
                speakers.pop()
                is_list = False
            case Item(level, item):
                text, is_listed, speaker = _item(item, speakers[-1], options)
                if not text:
                    continue
                # Lines of calls that follow one another are one list.
                blank = "" if is_list and is_listed else f"{('> ' * level).rstrip()}\n"
                yield blank + quoted(text, level)
                is_list, speakers[-1] = is_listed, speaker


def _item(item: TimelineItem, speaker: str | None, options: Options) -> tuple[str, bool, str | None]:
    """An item's text, whether that is a line of a list, and who spoke last."""
    match item:
        case MessageItem():
            return _message(item, speaker, options.zone)
        case ToolCallItem():
            return (*_call(item, options), speaker)
        case FileChangeItem():
            return (*_change(item, options), speaker)
        case EntryItem(kind="thinking"):
            return f"*Thinking:*\n\n{quoted(contained(plain(item.content)))}", False, speaker
        case EntryItem() if phrases.is_queued_prompt(item):
            return f"## You  {phrases.local_time(item.timestamp, options.zone)}\n\n{_prompt(item.content)}", False, "You"
        case _:
            return (*_entry(item, options), speaker)


def _message(message: MessageItem, speaker: str | None, zone: ZoneInfo) -> tuple[str, bool, str | None]:
    if not message.content.strip():
        # Claude only called tools.
        return "", False, speaker
    who = "You" if message.role == "user" else "Claude"
    text = _prompt(message.content) if who == "You" else contained(plain(message.content)).rstrip("\n") + "\n"
    head = "" if speaker == who == "Claude" else f"## {who}  {phrases.local_time(message.timestamp, zone)}\n\n"
    return head + text, False, who


def _prompt(content: str) -> str:
    return quoted(contained(plain(content)))


def _call(call: ToolCallItem, options: Options) -> tuple[str, bool]:
    if options.tools == "none":
        return "", False
    parameters = phrases.parameters_of(call)
    summary = phrases.call_summary(parameters)
    parts = [
        f"{phrases.outcome(call)} **{escaped(one_line(call.tool_name, 100))}** {code(summary)}".rstrip(),
        *map(escaped, phrases.details(call)),
    ]
    line = f"- {' · '.join(parts)}\n"
    if options.tools == "lines":
        return line, True
    blocks = [*_input(call, parameters, summary), *_given_back(call)]
    return line + "".join(f"\n{block}" for block in blocks), not blocks


def _input(call: ToolCallItem, parameters: Any, summary: str) -> Iterator[str]:
    patches = [_patch(change, change.patch) for change in call.changes if change.patch]
    if patches:
        yield from patches
        return
    if not isinstance(parameters, dict) or not parameters:
        if parameters:
            yield fenced(plain(json.dumps(parameters, ensure_ascii=False, indent=1)), "json")
        return
    command = parameters.get("command")
    if call.tool_name == "Bash" and isinstance(command, str):
        if plain(command).strip() != summary:
            yield fenced(plain(command), "bash")
    elif list(map(str, parameters.values())) != [summary]:
        yield fenced(plain(json.dumps(parameters, ensure_ascii=False, indent=1)), "json")


def _patch(change: phrases.Change, patch: str) -> str:
    left_out = change.patch_left_out_lines
    note = f"\n*… {quantities.counted(left_out, 'line')} left out …*\n" if left_out else ""
    return f"{code(one_line(change.file_path or '', 400))}\n\n{fenced(plain(patch), 'diff')}{note}"


def _given_back(call: ToolCallItem) -> Iterator[str]:
    result = call.result
    if result is None:
        return
    if text := phrases.result_text(result).strip("\n"):
        yield fenced(text, "text")
    for each in phrases.media(result):
        yield f"*{escaped(each)}*\n"


def _change(change: FileChangeItem, options: Options) -> tuple[str, bool]:
    if options.tools == "none":
        return "", False
    changed = phrases.lines_changed(change.lines_added, change.lines_removed)
    line = f"- {change.action} {code(one_line(change.file_path or '', 400))} · {changed}\n"
    if options.tools == "lines" or not change.patch:
        return line, True
    return f"{line}\n{_patch(change, change.patch)}", False


def _entry(item: phrases.Entry, options: Options) -> tuple[str, bool]:
    """An entry that is neither said nor called: in one line, or all of it if tools are shown in full."""
    name, content = phrases.entry(item)
    if options.tools == "none" and item.kind in ("command_output", "notice"):
        return "", False
    is_long = len(content) > _MOST_IN_A_LINE or "\n" in content
    if is_long and options.tools == "full":
        return f"*{escaped(name)}:*\n\n{fenced(plain(content), 'text')}", False
    line = one_line(content, _MOST_IN_A_LINE)
    if not line:
        return f"*{escaped(name)}*\n", False
    return f"*{escaped(name)}:* {code(line) if item.kind in ('command', 'command_output') else escaped(line)}\n", False
