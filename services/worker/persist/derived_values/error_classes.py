"""Why a tool call failed: a class for each, by the rules of error_classes.toml and those of a file that TRACKER_ERROR_CLASSES names."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, get_args

import re2

from services.worker.persist.records import DecisionSource
from services.worker.settings import Settings
from shared.events.messages import ToolStatus

# A call that failed, and no rule says why. One that was stored before there were classes has none: NULL.
OTHER: Final = "other"
# How answers call failed calls without a class.
UNCLASSIFIED: Final = "unclassified"
# The characters of the beginning and of the end of a text.
LOOKED_AT_CHARACTERS: Final = 4000
_NO_FAILURES: Final = frozenset({"success", "pending"})
_STATUSES: Final = frozenset(get_args(ToolStatus)) - _NO_FAILURES
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SOURCES: Final = frozenset(get_args(DecisionSource))
_FIELDS: Final = frozenset({"class", "pattern", "tools", "statuses", "refused_by", "example"})
# The memory of the automaton of all patterns. Its default is a third of what these rules need with long lines.
_PATTERN_BYTES: Final = 64 * 1024**2


class InvalidRules(ValueError):
    """A file of rules cannot be used; the message says which rule, and why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule (error_classes.toml). `tools`, `statuses` and `refused_by` are empty for all."""

    error_class: str
    pattern: str
    tools: tuple[str, ...]
    statuses: frozenset[str]
    refused_by: frozenset[str]
    example: str

    def fits(self, tool_name: str, status: str, refused_by: str | None) -> bool:
        """Whether it is for such calls at all."""
        return (
            (not self.statuses or status in self.statuses)
            and (not self.refused_by or refused_by in self.refused_by)
            and (not self.tools or any(tool_name.startswith(name[:-1]) if name.endswith("*") else tool_name == name for name in self.tools))
        )


class ErrorClasses:
    """Rules in their order, as one automaton: its time grows with the text only, whatever the patterns."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        options = re2.Options()
        options.max_mem = _PATTERN_BYTES
        options.log_errors = False
        self._patterns = re2.Set.SearchSet(options)
        for rule in self.rules:
            self._patterns.Add(rule.pattern)
        self._patterns.Compile()

    def of(self, tool_name: str, status: str, text: str, refused_by: str | None = None) -> str | None:
        """The class of a call; None if it did not fail. `text` is what Claude was told, empty if that is not known.

        `refused_by`: the source of the decision that refused the call, a word of DecisionSource.
        """
        if status in _NO_FAILURES:
            return None
        found = sorted(self._patterns.Match(_looked_at(text)))
        return next((self.rules[number].error_class for number in found if self.rules[number].fits(tool_name, status, refused_by)), OTHER)


def error_class_of(tool_name: str, status: str, text: str, refused_by: str | None = None) -> str | None:
    """As ErrorClasses.of, by the rules of this process: those of the settings, then the tracker's own. InvalidRules if they cannot be used."""
    return None if status in _NO_FAILURES else error_classes().of(tool_name, status, text, refused_by)


@lru_cache(maxsize=1)
def error_classes() -> ErrorClasses:
    """Read at the first use. A worker reads them when it starts, so that a wrong file stops it (app.py)."""
    path = Settings().error_classes
    return ErrorClasses((*(rules_of(path) if path else ()), *own_rules()))


def own_rules() -> tuple[Rule, ...]:
    """The tracker's rules."""
    return _rules(files("services.worker.persist.derived_values").joinpath("error_classes.toml").read_bytes(), "error_classes.toml")


def rules_of(path: Path) -> tuple[Rule, ...]:
    """The rules of a file. InvalidRules without a file, or if a rule of it is wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidRules(f"TRACKER_ERROR_CLASSES: {path} cannot be read: {error.strerror}") from None
    return _rules(content, str(path))


def _rules(content: bytes, name: str) -> tuple[Rule, ...]:
    try:
        tables: Any = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRules(f"{name}: {error}") from None
    if tables.keys() - {"rule"} or not isinstance(tables.get("rule", []), list):
        raise InvalidRules(f"{name}: rules are tables [[rule]], and there is nothing else")
    rules = []
    for number, table in enumerate(tables.get("rule", ()), 1):
        try:
            rules.append(_rule(table))
        except InvalidRules as error:
            raise InvalidRules(f"{name}: rule {number}: {error}") from None
    return tuple(rules)


def _rule(table: Any) -> Rule:
    if not isinstance(table, dict) or table.keys() - _FIELDS:
        raise InvalidRules(f"has the fields {', '.join(sorted(_FIELDS))} only")
    error_class, pattern, example = table.get("class"), table.get("pattern", ""), table.get("example", "")
    if not isinstance(error_class, str) or not _NAME.fullmatch(error_class) or error_class in (OTHER, UNCLASSIFIED):
        raise InvalidRules("class: lower case letters, digits and _, at most 40, and not `other` or `unclassified`")
    if not isinstance(pattern, str) or not isinstance(example, str):
        raise InvalidRules("pattern and example are texts")
    tools, statuses, refused_by = lists = [table.get(name, []) for name in ("tools", "statuses", "refused_by")]
    if not all(isinstance(each, list) and all(isinstance(name, str) and name for name in each) for each in lists):
        raise InvalidRules("tools, statuses and refused_by are lists of names")
    for name, given, known in (("statuses", statuses, _STATUSES), ("refused_by", refused_by, _SOURCES)):
        if set(given) - known:
            raise InvalidRules(f"{name}: of {', '.join(sorted(known))}")
    if not pattern and not any(lists):
        raise InvalidRules("without pattern, tools, statuses and refused_by it would fit every call")
    _check_pattern(pattern)
    return Rule(error_class, pattern, tuple(tools), frozenset(statuses), frozenset(refused_by), example)


def _check_pattern(pattern: str) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a pattern"
        raise InvalidRules(f"pattern: {reason.decode() if isinstance(reason, bytes) else reason}; RE2 knows no look-around") from None


def _looked_at(text: str) -> str:
    """The beginning and the end: a command's output says at its end why it failed. A lone surrogate would be no UTF-8."""
    if len(text) > 2 * LOOKED_AT_CHARACTERS:
        text = f"{text[:LOOKED_AT_CHARACTERS]}\n{text[-LOOKED_AT_CHARACTERS:]}"
    return text.encode("utf-8", "replace").decode()
