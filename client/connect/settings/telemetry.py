"""Claude Code's own telemetry, which `tracker connect` sends to the tracker: the variables in `env` of the settings, and where the key is.

The key is in no settings file, which people share and keep in repositories: Claude Code asks a command for the headers, and that reads a
private file. By this command `tracker` knows its own entries: it names the address that came with it.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from client.connect.settings import json_text
from client.connect.settings.hook_events import MARK

HELPER: Final = "otelHeadersHelper"
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
# JSON needs no schema to be read, and costs a ninth of what protobuf costs to decode. A second: so a live view is two seconds behind at most.
VARIABLES: Final[Mapping[str, str]] = {
    "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    "OTEL_LOGS_EXPORT_INTERVAL": "1000",
}
# Any of these says that somebody has decided where telemetry goes, or that it is off.
_DECIDING: Final = re.compile(
    r"CLAUDE_CODE_ENABLE_TELEMETRY|OTEL_(LOGS|METRICS)_EXPORTER|OTEL_LOGS_EXPORT_INTERVAL"
    r"|OTEL_EXPORTER_OTLP_((LOGS|METRICS)_)?(ENDPOINT|PROTOCOL|HEADERS|COMPRESSION)"
)


def headers_helper(file: Path, endpoint: str) -> str:
    """The command that prints the headers. Behind the mark it has the address, by which ours is known from one that a person wrote."""
    return f"/bin/cat {shlex.quote(str(file))} {MARK} {endpoint}"


def has_own_telemetry(value: Mapping[str, Any]) -> bool:
    """Whether the settings have telemetry that `tracker connect` put in."""
    return MARK in str(value.get(HELPER))


def wanted_variables(endpoint: str) -> dict[str, str]:
    """All variables with their values."""
    return {**VARIABLES, ENDPOINT: endpoint}


def with_telemetry(text: str, endpoint: str, headers_file: Path) -> str:
    """The text with our telemetry to this address. Unchanged if it is there already."""
    helper = headers_helper(headers_file, endpoint)
    wanted = wanted_variables(endpoint)
    value = json.loads(text)
    env = value.get("env", {})
    if value.get(HELPER) == helper and all(env.get(name) == wanted[name] for name in wanted):
        return text
    text = without_telemetry(text)
    for name in wanted:
        if "env" not in json.loads(text):
            text = json_text.with_entry(text, (), "env", {})
        if name in json.loads(text)["env"]:
            text = json_text.without_entry(text, ("env", name))
        text = json_text.with_entry(text, ("env",), name, wanted[name])
    return json_text.with_entry(text, (), HELPER, helper)


def without_telemetry(text: str) -> str:
    """The text without our telemetry. A variable that was changed since is a person's own, and stays."""
    value = json.loads(text)
    if not has_own_telemetry(value):
        return text
    wanted = wanted_variables(value[HELPER].partition(MARK)[2].strip())
    text = json_text.without_entry(text, (HELPER,))
    for name in wanted:
        env = json.loads(text).get("env")
        if isinstance(env, dict) and env.get(name) == wanted[name]:
            text = json_text.without_entry(text, ("env", name) if len(env) > 1 else ("env",))
    return text


def decided_elsewhere(settings: Iterable[tuple[Path, Mapping[str, Any]]], environment: Mapping[str, str]) -> str | None:
    """The setting that already says where telemetry goes, as `NAME in FILE`. None if nothing does, or if `tracker connect` put it in."""
    own: dict[str, str] = {}
    for path, value in settings:
        env = value.get("env")
        env = env if isinstance(env, dict) else {}
        known = wanted_variables(value[HELPER].partition(MARK)[2].strip()) if has_own_telemetry(value) else {}
        for name, setting in env.items():
            if _DECIDING.fullmatch(name) and known.get(name) != setting:
                return f"{name} in {path}"
        if value.get(HELPER) and not known:
            return f"{HELPER} in {path}"
        own |= known
    # Claude Code gives the variables of its settings to the commands that it runs, as `tracker connect`.
    return next(
        (f"the variable {name}" for name, setting in environment.items() if _DECIDING.fullmatch(name) and own.get(name) != setting), None
    )
