"""The shared parts of several schemas: types of fields, base classes of parameters and pages, and the error body.

Parameters are checked: one that a model does not have is a 400, so that a misspelt filter does not return everything.
Responses are for the OpenAPI document alone; answers are not run through their models.
"""

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

MAX_BIGINT = 2**63 - 1
# On a page of JSON, and of a list as CSV or NDJSON.
MOST_ON_A_PAGE = 1000
MOST_ITEMS = 10**9


def _storable(text: str) -> str:
    """As it would have been stored."""
    return text.replace("\0", "\ufffd")


Text = Annotated[str, AfterValidator(_storable)]

ProjectId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="The project's id.", examples=[1])]
SessionId = Annotated[
    Text, Path(min_length=1, max_length=200, description="The session's id.", examples=["01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"])
]
DeadLetterId = Annotated[UUID, Path(description="The dead letter's id.")]
JobId = Annotated[UUID, Path(description="The import job's id.")]
RetentionRunId = Annotated[UUID, Path(description="The run's id.")]
ExportId = Annotated[UUID, Path(description="The export's id.")]
ScrubId = Annotated[UUID, Path(description="The scrub's id.")]
RepriceId = Annotated[UUID, Path(description="The run's id.")]
CallId = Annotated[UUID, Path(description="The tool call's id, as the lists show it.")]
ErasureId = Annotated[UUID, Path(description="The erasure's id.")]


class Absent:
    """Marks a parameter that may be left out: its schema has no null, since a query string has none."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        variants = [variant for variant in schema.pop("anyOf", []) if variant != {"type": "null"}]
        return schema | (variants[0] if len(variants) == 1 else {"anyOf": variants} if variants else {})


OptionalText = Annotated[Text | None, Absent()]


def text_of(description: str, most: int = 200, **more: Any) -> Any:
    """A text that is not empty, of at most so many characters."""
    return Field(min_length=1, max_length=most, description=description, **more)


OptionalProject = Annotated[int | None, Absent(), Field(ge=1, le=MAX_BIGINT, description="Only this project.", examples=[1])]
OptionalSession = Annotated[OptionalText, text_of("Only this session.")]
OptionalIdPrefix = Annotated[OptionalText, text_of("Only sessions whose id begins like this.", examples=["ce0649e8"])]
OptionalUser = Annotated[OptionalText, text_of("Only this user, by name.")]
OptionalMachine = Annotated[
    OptionalText, text_of("Only sessions that were seen on this machine: its id, or its name.", examples=["ann-laptop"])
]
OptionalGroup = Annotated[OptionalText, text_of("Only projects of this group, all of them together.", examples=["work"])]
OptionalRepository = Annotated[
    OptionalText,
    text_of("Only projects of this git repository, on all machines and whatever folder of it.", 500, examples=["github.com/acme/shop"]),
]
OptionalBranch = Annotated[OptionalText, text_of("Only sessions on this git branch.", 1000)]
OptionalModel = Annotated[OptionalText, text_of("Only this model.", examples=["claude-opus-4-5-20251101"])]
OptionalTool = Annotated[OptionalText, text_of("Only this tool.", examples=["Bash"])]
OptionalSource = Annotated[OptionalText, text_of("Only events from this source.", examples=["hook"])]
OptionalRole = Annotated[
    Literal["user", "assistant"] | None, Absent(), Field(description="Only what a person (`user`) or Claude (`assistant`) said.")
]

_START = "From here on, included: `YYYY-MM-DD`, or an ISO 8601 time (naive is UTC)."
_END = "Up to here: the whole of a `YYYY-MM-DD`, or until an ISO 8601 time (naive is UTC; excluded)."
_QUARTERS = " Times are widened to quarters of an hour; the answer's `range` tells the effective one."


# One type with one pattern: generated clients then take a string, not one of two types.
_DATE_OR_TIME = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?)?$"
_DATE_SCHEMA = {"type": "string", "pattern": _DATE_OR_TIME}
_DateText = Annotated[str, WithJsonSchema(_DATE_SCHEMA)]
# A schema of its own hides the example of a field that is not optional.
_RequiredDate = Annotated[str, WithJsonSchema(_DATE_SCHEMA | {"examples": ["2024-01-15"]})]


def _date(description: str) -> Any:
    return Field(max_length=40, description=description, examples=["2024-01-15"])


Start = Annotated[_DateText | None, Absent(), _date(_START)]
End = Annotated[_DateText | None, Absent(), _date(_END)]
StatsStart = Annotated[_DateText | None, Absent(), _date(_START + _QUARTERS)]
# Both ends, where a range must have them.
RequiredStart = Annotated[_RequiredDate, _date(_START + _QUARTERS)]
RequiredEnd = Annotated[_RequiredDate, _date(_END + _QUARTERS)]
StatsEnd = Annotated[_DateText | None, Absent(), _date(_END + _QUARTERS)]
Zone = Annotated[
    str | None,
    Absent(),
    Field(
        max_length=64, description="IANA time zone that defines a day. Default: the server's TRACKER_TIMEZONE.", examples=["Europe/Berlin"]
    ),
]


class Parameters(BaseModel):
    """Base of all models of parameters: an unknown one is refused."""

    model_config = ConfigDict(extra="forbid")


class OfProjects(Parameters):
    """Filters by project."""

    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None


class Filtered(OfProjects):
    """Filters by project, person and machine."""

    user: OptionalUser = None
    machine: OptionalMachine = None


ListFormat = Literal["json", "csv", "ndjson"]
OptionalFormat = Annotated[
    ListFormat | None,
    Absent(),
    Field(description="`csv` or `ndjson`: all items as a table, or one JSON object a line. Default: what `Accept` asks for, else `json`."),
]


def table_of(rows: str) -> Any:
    """The parameter `format` of a report of which one list is a table."""
    return Field(
        description=f"`csv` or `ndjson`: only `{rows}`, as a table, or one JSON object a line. Default: what `Accept` asks for, else `json`."
    )


class Paged(Parameters):
    """A list, page by page; as CSV or NDJSON all of it."""

    # Items on a page if `limit` is left out.
    page_items: ClassVar[int] = 50

    limit: Annotated[
        int | None,
        Absent(),
        Field(
            ge=1,
            le=MOST_ITEMS,
            description="Most items on a page: 50 unless given, at most 1000. A page has fewer items if their texts exceed 8 MiB; "
            "`next_cursor` still leads to the rest. As CSV or NDJSON: most items in all; every item if left out.",
        ),
    ] = None
    cursor: Annotated[
        str | None,
        Absent(),
        Field(max_length=4096, description="`next_cursor` of the previous page, unchanged and with the same filters."),
    ] = None
    format: OptionalFormat = None

    def filters(self) -> dict[str, object]:
        """Parameters that choose rows: a cursor is bound to their values."""
        return self.model_dump(
            mode="json",
            exclude={"limit", "cursor", "format", "include_result", "include_patch", "include_share", "include_outcome"},
            exclude_none=True,
        )


class Dated(Paged):
    """A list within dates."""

    start_date: Start = None
    end_date: End = None
    tz: Zone = None


class StatsRange(Parameters):
    """The range of a report."""

    start_date: StatsStart = None
    end_date: StatsEnd = None
    tz: Zone = None
