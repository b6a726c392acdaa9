"""The words that the terminal, exports, the API's reference and the dashboard share. They stand in shared/terms.json, which the dashboard reads too."""

from functools import lru_cache
from importlib.resources import files

import msgspec


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name as people read it, and what it means."""

    label: str
    definition: str


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content. `waits`: what a session waits for, by the `reason` of an item of the live feed."""

    # The states of open sessions, in the order in which they are shown.
    states: dict[str, Term]
    waits: dict[str, str]
    # In the place of a session, branch or machine: what retention has dropped.
    not_kept: Term
    # That failed tool calls always can have. Rules of an operator (TRACKER_ERROR_CLASSES) may give others.
    error_classes: dict[str, Term]
    # By the name of the field in answers, if one has it.
    measures: dict[str, Term]
    # The parts of a cost, in the order in which they are told.
    cost_parts: dict[str, Term]
    # Why the prompt cache was written again. `{pause}` and `{kept}` are durations.
    rebuild_causes: dict[str, str]
    # Work that led to no such thing, by what /api/work groups by.
    without: dict[str, str]


@lru_cache(maxsize=1)
def terms() -> Terms:
    """The words, read once."""
    return msgspec.json.decode(files("shared").joinpath("terms.json").read_bytes(), type=Terms)


def error_class_label(name: str) -> str:
    """`Test failed`; the name of an operator's class in words."""
    known = terms().error_classes.get(name)
    return name.replace("_", " ") if known is None else known.label
