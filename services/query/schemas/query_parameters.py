"""Query parameters: one model a route. A parameter that is not in it is a 400, so that a misspelt filter does not return everything."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.query.queries.stats.ranges import MAX_POINTS, Interval
from services.query.queries.stats.usage_by import GroupBy

MAX_BIGINT = 2**63 - 1


def _storable(text: str) -> str:
    """As it would have been stored."""
    return text.replace("\0", "\ufffd")


Text = Annotated[str, AfterValidator(_storable)]

ProjectId = Annotated[int, Path(ge=1, le=MAX_BIGINT, description="The project's id.", examples=[1])]
SessionId = Annotated[
    Text, Path(min_length=1, max_length=200, description="The session's id.", examples=["01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"])
]
LetterId = Annotated[UUID, Path(description="The dead letter's id.")]
JobId = Annotated[UUID, Path(description="The import job's id.")]
ScrubId = Annotated[UUID, Path(description="The scrub's id.")]


class Absent:
    """Marks a parameter that may be left out: its schema has no null, since a query string has none."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        variants = [variant for variant in schema.pop("anyOf", []) if variant != {"type": "null"}]
        return schema | (variants[0] if len(variants) == 1 else {"anyOf": variants} if variants else {})


OptionalProject = Annotated[int | None, Absent(), Field(ge=1, le=MAX_BIGINT, description="Only this project.", examples=[1])]
OptionalSession = Annotated[Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this session.")]
OptionalUser = Annotated[Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this user, by name.")]
OptionalRole = Annotated[
    Literal["user", "assistant"] | None, Absent(), Field(description="Only what a person (`user`) or Claude (`assistant`) said.")
]

_START = "From here on, included: `YYYY-MM-DD`, or an ISO 8601 time (naive is UTC)."
_END = "Up to here: the whole of a `YYYY-MM-DD`, or until an ISO 8601 time (naive is UTC; excluded)."
_QUARTERS = " Times are widened to quarters of an hour; the answer's `range` tells the effective one."


_DateText = Annotated[str, WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]})]


def _date(description: str) -> Any:
    return Field(max_length=40, description=description, examples=["2024-01-15"])


Start = Annotated[_DateText | None, Absent(), _date(_START)]
End = Annotated[_DateText | None, Absent(), _date(_END)]
StatsStart = Annotated[_DateText | None, Absent(), _date(_START + _QUARTERS)]
StatsEnd = Annotated[_DateText | None, Absent(), _date(_END + _QUARTERS)]
Zone = Annotated[
    str | None,
    Absent(),
    Field(
        max_length=64, description="What a day is: an IANA time zone. Default: the server's TRACKER_TIMEZONE.", examples=["Europe/Berlin"]
    ),
]


class Parameters(BaseModel):
    """What all models of parameters share."""

    model_config = ConfigDict(extra="forbid")


class Paged(Parameters):
    """A list, page by page."""

    limit: int = Field(
        50,
        ge=1,
        le=1000,
        description="How many items a page has at most. It has fewer if their texts are more than 8 MiB; `next_cursor` goes on all the same.",
    )
    cursor: Annotated[
        str | None,
        Absent(),
        Field(max_length=4096, description="`next_cursor` of the page before, as it is. It belongs to the same filters."),
    ] = None

    def filters(self) -> dict[str, object]:
        """What a cursor is bound to."""
        return self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)


class ProjectList(Paged):
    limit: int = Field(1000, ge=1, le=1000, description="How many projects a page has at most.")


class Dated(Paged):
    """A list within dates."""

    start_date: Start = None
    end_date: End = None
    tz: Zone = None


class SessionList(Dated):
    project_id: OptionalProject = None
    user: OptionalUser = None
    status: Annotated[Literal["open", "ended"] | None, Absent(), Field(description="Only open or only ended sessions.")] = None


class EventList(Dated):
    """A list of events."""

    session_id: OptionalSession = None
    project_id: OptionalProject = None


class ConversationList(EventList):
    role: OptionalRole = None


class ConversationSearch(ConversationList):
    q: Annotated[
        Text | None,
        Absent(),
        Field(
            max_length=256,
            description='Words (all must match; the last also as a beginning), `"a phrase"`, `-not`, `or`; at most 16 terms. '
            "Finds identifiers, their parts, paths, error codes and CJK text. What belongs to a word is looked for as typed: `--no-verify`, "
            '`/tmp`, `C++`; an option with one hyphen needs quotes, `"-m"`. Without it: everything that passes the filters.',
            examples=["useEffect cleanup"],
        ),
    ] = None
    sort: Literal["best", "newest"] = Field("best", description="`best`: by rank among the newest 500 matches, then newest first.")


class ActivityList(EventList):
    file_path: Annotated[
        Text | None,
        Absent(),
        Field(
            min_length=1,
            max_length=4096,
            description="Only this file; or, with a `*` at its end, all whose path begins like this.",
            examples=["/home/user/app/src/*"],
        ),
    ] = None
    action: Annotated[Literal["created", "modified", "deleted"] | None, Absent(), Field(description="Only this kind of change.")] = None


class LetterList(Paged):
    kind: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only letters of this kind.", examples=["conversation"])
    ] = None
    reason: Annotated[Text | None, Absent(), Field(min_length=1, max_length=500, description="Only letters that died of this.")] = None
    status: Literal["waiting", "stored"] = Field("waiting", description="Letters that wait, or those whose event was stored later.")


class StatsParameters(Parameters):
    """A range, and how finely its series is cut."""

    start_date: StatsStart = None
    end_date: StatsEnd = None
    tz: Zone = None
    interval: Annotated[
        Interval | None,
        Absent(),
        Field(
            description=f"Of the time series, which has at most {MAX_POINTS:,} points: more are a 400 that says which interval to take. "
            "Default: `day`, or where those would be more, `week` or `month`; the answer's `range` tells which."
        ),
    ] = None


class ToolStatsParameters(StatsParameters):
    project_id: OptionalProject = None
    tool_name: Annotated[Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this tool.", examples=["Bash"])] = (
        None
    )
    user: OptionalUser = None


class UsageParameters(Parameters):
    """A range, of whom and which model, and by what it is summed up."""

    group_by: GroupBy = Field(
        "day", description=f"What a row of the answer is. Of days the newest {MAX_POINTS:,} of the range; the totals are of all of it."
    )
    project_id: OptionalProject = None
    user: OptionalUser = None
    model: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this model.", examples=["claude-opus-4-5-20251101"])
    ] = None
    start_date: StatsStart = None
    end_date: StatsEnd = None
    tz: Zone = None
