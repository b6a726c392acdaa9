"""Settings that several services have, each declared once. The class of a service adds its own."""

import os
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Self, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.redis.url import SPELLINGS, broker, checked
from shared.setting_names import PREFIX, InvalidSettings, check_names

Found = TypeVar("Found", bound=BaseSettings)
RedisUrl = Annotated[str, AfterValidator(checked)]

_SPELLINGS: Final = {"off": "errors", "false": "errors", "no": "errors", "0": "errors", "true": "on", "yes": "on", "1": "on"}


def _spelled(value: Any) -> Any:
    return _SPELLINGS.get(word := value.strip().lower(), word) if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def variable(field: str) -> str:
    """The environment variable of a setting: `log_level` → `TRACKER_LOG_LEVEL`."""
    return f"{PREFIX}{field.upper()}"


def read_environment(settings: type[Found]) -> Found:
    """The settings as the environment has them. InvalidSettings names a variable that nothing reads, or a value with what it may be."""
    check_names(os.environ, map(variable, settings.model_fields))
    return read_values(settings)


def read_values(settings: type[Found]) -> Found:
    """The same, whatever else the environment has."""
    check_values(settings)
    return settings()


def check_values(*readers: type[BaseSettings]) -> None:
    """InvalidSettings names every variable whose value does not work for one of the readers, once."""
    sentences: dict[str, None] = {}
    for settings in readers:
        try:
            settings()
        except ValidationError as error:
            sentences |= dict.fromkeys(_sentence(settings, each) for each in error.errors())
    if sentences:
        raise InvalidSettings("\n".join(sentences))


def _sentence(settings: type[BaseSettings], error: Any) -> str:
    # Our own words, where a validator has some; pydantic puts "Value error, " before them.
    own = str(error["ctx"]["error"]) if error["type"] == "value_error" else None
    if not error["loc"]:
        return f"The settings do not fit together: {own}."
    field = settings.model_fields[str(error["loc"][0])]
    name = variable(str(error["loc"][0]))
    # A value that may hold a password is not shown.
    said = f"{name}={os.environ.get(name, error['input'])}" if field.repr else name
    return f"{said} does not work: {own or f'it must be {_range(field)}'}."


def _range(field: FieldInfo) -> str:
    """ "a whole number from 1 to 256", "`open` or `keys`"."""
    *others, last = dict.fromkeys(_kinds(field.annotation))
    kinds = f"{', '.join(others)} or {last}" if others else last
    patterns = [each.pattern for each in field.metadata if getattr(each, "pattern", None)]
    if patterns:
        return f"a text that fits {patterns[0]}"
    bounds = {word: getattr(each, word) for each in field.metadata for word in ("ge", "gt", "le", "lt") if hasattr(each, word)}
    if "ge" in bounds and "le" in bounds:
        return f"{kinds} from {bounds['ge']} to {bounds['le']}"
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return f"{kinds}{', ' if bounds else ''}{' and '.join(f'{words[word]} {bound}' for word, bound in bounds.items())}"


def _kinds(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (f"`{word}`" for word in get_args(annotation))
    elif arguments := [each for each in get_args(annotation) if each is not type(None)]:
        for each in arguments if get_origin(annotation) is not Annotated else arguments[:1]:
            yield from _kinds(each)
    else:
        yield {int: "a whole number", float: "a number", bool: "`on` or `off`"}.get(annotation, "a text")


class ServiceSettings(BaseSettings):
    """TRACKER_* variables that every service reads. A value that does not parse stops the start."""

    model_config = SettingsConfigDict(env_prefix="TRACKER_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field(
        "postgresql://tracker@localhost/tracker", repr=False, description="Postgres: where events and aggregates are kept."
    )
    redis_url: RedisUrl = Field(
        "redis://localhost:6379/0",
        repr=False,
        description=f"Redis: the journal, and Celery's broker unless TRACKER_BROKER_URL says another. {SPELLINGS}.",
    )
    journal_partitions: int = Field(
        1,
        ge=1,
        le=256,
        description="Number of journal streams, each drained by one worker process at a time. May be changed at any time;"
        " the same for ingest, worker and query.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = Field(
        "INFO", description="DEBUG, INFO, WARNING, ERROR or CRITICAL: the least that is logged."
    )


class ArchiveSettings(ServiceSettings):
    """Where and what of conversations is kept, for the services that write and show it. The values must be the same."""

    archive_url: str = Field(
        "file:///var/lib/tracker/archive",
        repr=False,
        description="Where transcripts are kept: file:// and a folder, or s3:// with a bucket and perhaps a prefix, which needs the extra `s3`."
        " The same for worker and query.",
    )
    tool_results: Annotated[Literal["on", "errors"], BeforeValidator(_spelled)] = Field(
        "on",
        description="`on` stores what tool calls gave back. `errors`, or `off`: only of calls that did not succeed. What is stored stays."
        " The same for worker and query, which shows it.",
    )


class RetentionSettings(ServiceSettings):
    """For how many days what is kept where no rule of `tracker retention` says it, for the worker and the query service, which shows it.

    The values must be the same. 0: for good.
    """

    texts_days: int = Field(
        0,
        ge=0,
        description="Days for which the texts of a session are kept after its last event. Numbers, times and names stay. 0: for good.",
    )
    sessions_days: int = Field(
        0,
        ge=0,
        description="Days for which a session is kept after its last event. Then its rows go, and statistics keep what they counted. 0: for good.",
    )
    archive_days: int = Field(0, ge=0, description="Days for which the archive keeps a transcript after its last change. 0: for good.")
    jobs_days: int = Field(0, ge=0, description="Days for which an ended job is kept that nothing stored needs any more. 0: for good.")
    dead_letters_days: int = Field(0, ge=0, description="Days for which a dead letter is kept after it was last seen. 0: for good.")
    scrubs_days: int = Field(0, ge=0, description="Days for which the row of an ended scrub is kept. 0: for good.")
    audit_days: int = Field(0, ge=0, description="Days for which an entry of the audit log is kept. 0: for good.")
    live_payloads_days: int = Field(
        0,
        ge=0,
        description="Days for which payloads of hooks that nothing could be made of, telemetry and readings of sessions of which nothing else came,"
        " windows of the quota that are over, and entries of the live feed are kept. 0: for good.",
    )

    @property
    def drops_anything(self) -> bool:
        """Whether a setting says that something is not kept for good."""
        return any(getattr(self, name) for name in RetentionSettings.model_fields if name.endswith("_days"))


class WritingSettings(ServiceSettings):
    """Settings that ingest and the workers read too; the values must be the same."""

    broker_url: RedisUrl | None = Field(
        None,
        repr=False,
        description="Celery's Redis where it is not that of the journal. A Cluster needs it: Celery does not speak with one.",
    )
    redis_replicas_acked: int = Field(
        0,
        ge=0,
        le=10,
        description="An event is answered when it is on the disks of so many Redis replicas too (WAITAOF, Redis 7.2 or later)."
        " The same for ingest and worker.",
    )
    redact: bool = Field(True, description="`off` keeps secrets in texts as they came. The same for ingest and worker.")

    @model_validator(mode="after")
    def _check_broker(self) -> Self:
        """ValueError if Celery could not use the Redis that it is given."""
        broker(self.broker_url or self.redis_url)
        return self
