"""A session as Markdown: prompts as quotes, Claude's texts as they are, a line for each tool call, and below it what it changed and gave back."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.query.database import Row
from services.query.export import phrases
from services.query.export.markdown_text import code, contained, escaped, fenced, quoted
from services.query.export.options import Options
from services.query.export.plain_text import one_line, plain
from services.query.export.walk import Begin, End, Item, Step
from shared import quantities

_MOST_IN_A_LINE: Final = 300


def as_markdown(session: Row, steps: Iterable[Step], options: Options) -> Iterator[str]:
    """The session piece by piece."""
    yield f"# {escaped(phrases.title(session))}\n\n"
    yield "".join(f"- **{name}:** {escaped(value)}\n" for name, value in phrases.facts(session, options.zone))
    if session.get("note"):
        yield "\n" + quoted(contained(plain(session["note"])))
    speakers: list[str | None] = [None]
    is_list = False
    for step in steps:
        match step:
            case Begin(level, subagent):
                speakers.append(None)
                text = f"**Subagent** {code(one_line(subagent['agent_id'], 60))}, {escaped(phrases.subagent_line(subagent))}\n"
                yield "\n" + quoted(text, level + 1)
                is_list = False
            case End():
                speakers.pop()
                is_list = False
            case Item(level, row):
                text, is_listed, speaker = _item(row, speakers[-1], options)
                if not text:
                    continue
                # Lines of calls that follow one another are one list.
                blank = "" if is_list and is_listed else f"{('> ' * level).rstrip()}\n"
                yield blank + quoted(text, level)
                is_list, speakers[-1] = is_listed, speaker


def _item(row: Row, speaker: str | None, options: Options) -> tuple[str, bool, str | None]:
    """An item's text, whether that is a line of a list, and who spoke last."""
    match row["kind"]:
        case "message":
            return _message(row, speaker, options.zone)
        case "tool_call":
            return (*_call(row, options), speaker)
        case "file_change":
            return (*_change(row, options), speaker)
        case "thinking":
            return f"*Thinking:*\n\n{quoted(contained(plain(row['content'])))}", False, speaker
        case "notice" if (row["details"] or {}).get("type") == "queued_prompt":
            return f"## You  {phrases.local_time(row['timestamp'], options.zone)}\n\n{_prompt(row['content'])}", False, "You"
    return (*_entry(row, options), speaker)


def _message(row: Row, speaker: str | None, zone: ZoneInfo) -> tuple[str, bool, str | None]:
    if not row["content"].strip():
        # Claude only called tools.
        return "", False, speaker
    who = "You" if row["role"] == "user" else "Claude"
    text = _prompt(row["content"]) if who == "You" else contained(plain(row["content"])).rstrip("\n") + "\n"
    head = "" if speaker == who == "Claude" else f"## {who}  {phrases.local_time(row['timestamp'], zone)}\n\n"
    return head + text, False, who


def _prompt(content: str) -> str:
    return quoted(contained(plain(content)))


def _call(row: Row, options: Options) -> tuple[str, bool]:
    if options.tools == "none":
        return "", False
    parameters = phrases.parameters_of(row)
    summary = phrases.call_summary(parameters)
    parts = [f"{phrases.outcome(row)} **{escaped(one_line(row['tool_name'], 100))}** {code(summary)}".rstrip(), *phrases.details(row)]
    line = f"- {' · '.join(parts)}\n"
    if options.tools == "lines":
        return line, True
    blocks = [*_input(row, parameters, summary), *_given_back(row)]
    return line + "".join(f"\n{block}" for block in blocks), not blocks


def _input(row: Row, parameters: Any, summary: str) -> Iterator[str]:
    patches = [change for change in row["changes"] if change["patch"]]
    if patches:
        yield from (_patch(change) for change in patches)
        return
    if not isinstance(parameters, dict) or not parameters:
        if parameters:
            yield fenced(plain(json.dumps(parameters, ensure_ascii=False, indent=1)), "json")
        return
    command = parameters.get("command")
    if row["tool_name"] == "Bash" and isinstance(command, str):
        if plain(command).strip() != summary:
            yield fenced(plain(command), "bash")
    elif list(map(str, parameters.values())) != [summary]:
        yield fenced(plain(json.dumps(parameters, ensure_ascii=False, indent=1)), "json")


def _patch(change: Row) -> str:
    left_out = change["patch_left_out_lines"]
    note = f"\n*… {quantities.counted(left_out, 'line')} left out …*\n" if left_out else ""
    return f"{code(one_line(change['file_path'] or '', 400))}\n\n{fenced(plain(change['patch']), 'diff')}{note}"


def _given_back(row: Row) -> Iterator[str]:
    result = row["result"]
    if result is None:
        return
    if text := phrases.result_text(result).strip("\n"):
        yield fenced(text, "text")
    for each in phrases.media(result):
        yield f"*{escaped(each)}*\n"


def _change(row: Row, options: Options) -> tuple[str, bool]:
    if options.tools == "none":
        return "", False
    changed = phrases.lines_changed(row["lines_added"], row["lines_removed"])
    line = f"- {row['action']} {code(one_line(row['file_path'] or '', 400))} · {changed}\n"
    if options.tools == "lines" or not row["patch"]:
        return line, True
    return f"{line}\n{_patch(row)}", False


def _entry(row: Row, options: Options) -> tuple[str, bool]:
    """What is neither said nor called: in one line, or all of it if tools are shown in full."""
    name, content = phrases.entry(row)
    if options.tools == "none" and row["kind"] in ("command_output", "notice"):
        return "", False
    is_long = len(content) > _MOST_IN_A_LINE or "\n" in content
    if is_long and options.tools == "full":
        return f"*{escaped(name)}:*\n\n{fenced(plain(content), 'text')}", False
    line = one_line(content, _MOST_IN_A_LINE)
    if not line:
        return f"*{escaped(name)}*\n", False
    return f"*{escaped(name)}:* {code(line) if row['kind'] in ('command', 'command_output') else escaped(line)}\n", False
