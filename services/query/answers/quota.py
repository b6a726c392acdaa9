"""Quota: how full the windows of accounts are, as Claude Code's own files say. Nothing of it is computed from tokens."""

from datetime import datetime
from typing import Annotated, Literal

from services.query.answers.answer import Answer
from services.query.answers.fields import doc

Freshness = Literal["current", "old", "over"]
QuotaSource = Literal["status_line", "usage_cache", "rate_limit_event"]


class QuotaReading(Answer):
    at: Annotated[datetime, doc("When it was first read.")]
    used_percentage: float


class Likely(Answer):
    likely: float
    low: Annotated[float, doc("`low` to `high`: nine of ten times it is between them, if work goes on as in this window.")]
    high: float


class QuotaForecast(Answer):
    """Of the slope of the observed percentages over active time. Work that begins or ends changes it: it is no promise."""

    percent_per_active_hour: Likely
    active_share: Annotated[
        float,
        doc(
            "The part of the time in which somebody was active, 0 to 1: since the window's first reading; of windows of days, in the last seven."
        ),
    ]
    at_reset: Annotated[
        Likely, doc("The percentage when the window resets, if the share of active time stays. Beyond 100 the limit comes before.")
    ]
    full_at: Annotated[datetime | None, doc("When it is likely full; null if not before it resets.")]
    full_at_earliest: Annotated[datetime | None, doc("By the high slope; null if not before it resets.")]


class QuotaWindow(Answer):
    account: Annotated[
        str | None, doc("A hash that tells accounts apart, of the account's id. null if only status lines were read, which do not know it.")
    ]
    users: Annotated[list[str], doc("Whose machines read it.")]
    kind: Annotated[str, doc("As Claude Code names it.", examples=["five_hour"])]
    used_percentage: Annotated[
        float, doc("The highest that the machine read of this window that read it last. Parallel sessions know it at different ages.")
    ]
    resets_at: Annotated[
        datetime, doc("As its source says, to the minute. A window that was moved has another reset, and is another window.")
    ]
    read_at: Annotated[datetime, doc("When the window was last read.")]
    source: Annotated[
        QuotaSource,
        doc(
            "Of the last reading. `usage_cache`: what Claude Code fetched and keeps in its `.claude.json`. `status_line`: what it gave its status "
            "line. `rate_limit_event`: what `claude -p` printed under `tracker capture`."
        ),
    ]
    machine_id: Annotated[
        str | None, doc("Where it was last read: what another machine read before is not told. null for a key that can only read numbers.")
    ]
    key_id: Annotated[str | None, doc("The key that sent it. null if none was needed, and for a key that can only read numbers.")]
    freshness: Annotated[
        Freshness,
        doc(
            "`current`: read within the last hour. `old`: not read since `read_at`, so it may be fuller by now. "
            "`over`: it has reset, and nothing was read of the next window."
        ),
    ]
    window_seconds: Annotated[int | None, doc("The length of a window of this kind; null for a kind that is not known.")]
    elapsed_percentage: Annotated[
        float | None, doc("How much of its time is over, if it is as long as its kind. null for an unknown kind.")
    ]
    pace: Annotated[
        float | None,
        doc(
            "`used_percentage` ÷ `elapsed_percentage`. Above 1 it is used faster than it passes. null in its first hundredth, or if it is over."
        ),
    ]
    forecast: Annotated[QuotaForecast | None, doc("null if there is none; `no_forecast` says why.")]
    no_forecast: Annotated[
        Literal["over", "old", "few_readings", "no_active_time"] | None,
        doc(
            "`few_readings`: fewer than three different percentages were read. `no_active_time`: none is known of its users since the first reading. "
            "null if there is a forecast."
        ),
    ]
    series: Annotated[
        list[QuotaReading], doc("The readings of this window, each percentage once, without those that a reading before was above.")
    ]


class Quota(Answer):
    windows: Annotated[
        list[QuotaWindow],
        doc("The newest window of each account and kind; of a user where no account is known. The one that is fullest first."),
    ]
    need: Annotated[float | None, doc("What was asked for.")]
    decided_by: Annotated[
        str | None,
        doc(
            "With `need`: the kind of the window that has least left of those that count. null if no window is known, or it was not asked."
        ),
    ]
    left_percentage: Annotated[float | None, doc("What that window has left.")]
