"""Matches as they are shown: where in the document the words are, a snippet, what was said before and after."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from services.query.database import Connection, Row, rows
from services.query.queries.search.document_conditions import Part, sql
from services.query.queries.search.snippet import SNIPPET_CHARS, folded, snippet

NEIGHBOUR_CHARS: Final = 200
# So that each of many words has its place in the snippet.
MORE_PER_WORD: Final = 80
# A word with a digit: a number, a time, the beginning of a commit's hash.
_VARIES: Final = re.compile(r"\w*\d\w*")
_SHOWN: Final = (
    "kind",
    "id",
    "session_id",
    "session_title",
    "session_title_source",
    "project_id",
    "project_name",
    "user",
    "timestamp",
    "role",
    "tool_name",
    "is_error",
    "agent_id",
)


def items(
    connection: Connection, matches: Sequence[Row], highlights: Mapping[Any, Sequence[str]], part: Part | None, *, with_content: bool
) -> list[Row]:
    """The documents in the order of the matches. `highlights` are the texts to mark, by the document's id, or by None for all of them."""
    ids = [match["id"] for match in matches]
    documents = {row["id"]: row for row in rows(connection, sql("by_ids"), {"ids": ids})}
    shown = []
    for match in matches:
        document = documents.get(match["id"])
        if document is not None:
            marked = highlights.get(match["id"], highlights.get(None, ()))
            content = {"content": document["content"]} if with_content else {}
            shown.append(_item(document, marked, part) | {"score": match["score"]} | content)
    return shown


def with_neighbours(connection: Connection, shown: Sequence[Row]) -> list[Row]:
    """The same, each with what was said before and after."""
    found = rows(connection, sql("neighbours"), {"ids": [item["id"] for item in shown], "most_chars": NEIGHBOUR_CHARS}) if shown else []
    around = {row["id"]: {side: _neighbour(row, side) for side in ("before", "after")} for row in found}
    return [item | around.get(item["id"], {"before": None, "after": None}) for item in shown]


def sessions_with_items(
    connection: Connection, groups: Sequence[Row], shown: Callable[[Sequence[Row]], list[Row]], *, with_context: bool
) -> list[Row]:
    """The sessions, each with the first `most` of its rows that do not show the same, as `shown` shows them."""
    found = {item["id"]: item for item in shown([row for group in groups for row in group["rows"][: group["most"]]])}
    # Few sessions have matches that show the same: only of these others are looked at.
    others = [group for group in groups if len(_folded(group, found)) < min(group["most"], len(group["rows"]))]
    if others:
        found |= {item["id"]: item for item in shown([row for group in others for row in group["rows"][group["most"] :]])}
    kept = [_folded(group, found) for group in groups]
    if with_context:
        whole = {item["id"]: item for item in with_neighbours(connection, [item for hits in kept for item in hits])}
        kept = [[whole[item["id"]] for item in hits] for hits in kept]
    return [
        {name: group[name] for name in ("session_id", "match", "hits")}
        | {
            name: hits[0][name] if hits else None
            for name in ("session_title", "session_title_source", "project_id", "project_name", "user")
        }
        | {"items": hits}
        for group, hits in zip(groups, kept, strict=True)
    ]


def _folded(group: Row, found: Mapping[Any, Row]) -> list[Row]:
    """The first of a session's matches that differ, each with how many more show the same."""
    kept: dict[tuple[str | None, ...], Row] = {}
    for item in (found[row["id"]] for row in group["rows"] if row["id"] in found):
        same = kept.setdefault(_looks(item), item | {"similar": -1})
        same["similar"] += 1
    return list(kept.values())[: group["most"]]


def _looks(item: Row) -> tuple[str | None, ...]:
    """The same for texts that differ in numbers, times and ids alone, as the outputs of a command that ran again."""
    return item["kind"], item["tool_name"], item["role"], " ".join(_VARIES.sub("0", item["snippet"]).split())


def _item(document: Row, highlights: Sequence[str], part: Part | None) -> Row:
    places = _places(document, highlights, part)
    # Where something of it is: what a call was given and gave back are texts of their own.
    text = "\n".join(places.values())
    is_event = document["kind"] in ("message", "tool_call", "timeline_entry")
    return {name: document[name] for name in _SHOWN} | {
        "path": document["content"] if document["kind"] == "file" else None,
        "matched_in": list(places),
        "snippet": snippet(text, highlights, SNIPPET_CHARS + MORE_PER_WORD * max(len(highlights) - 3, 0)),
        "timeline_id": document["id"] if is_event and document["session_id"] else None,
    }


def _places(document: Row, highlights: Sequence[str], part: Part | None) -> dict[str, str]:
    """The parts of a document in which one of the texts stands, by their names: message, input, result, path, title, note, tag, branch."""
    parts = _parts(document)
    if part is not None:
        parts = {name: text for name, text in parts.items() if name == part}
    wanted = [folded(text) for text in highlights if text]
    found = {name: text for name, text in parts.items() if any(each in folded(text) for each in wanted)}
    return found or dict([next(iter(parts.items()))])


def _parts(document: Row) -> dict[str, str]:
    content, at = document["content"], document["result_at"]
    match document["kind"]:
        case "tool_call":
            # The document begins with the tool's name.
            start = len(document["tool_name"]) + 1 if content.startswith(f"{document['tool_name']}\n") else 0
            given = {"input": content[start:at].removesuffix("\n")}
            return given if at is None else given | {"result": content[at:]}
        case "session":
            named = {
                "title": document["session_title"],
                "note": document["note"],
                "tag": " ".join(document["tags"] or ()),
                "branch": document["git_branch"],
            }
            return {name: text for name, text in named.items() if text} or {"title": content}
        case "file":
            return {"path": content}
        case kind:
            return {kind: content}


def _neighbour(row: Row, side: str) -> Row | None:
    return None if row[f"{side}_content"] is None else {"role": row[f"{side}_role"], "content": row[f"{side}_content"]}
