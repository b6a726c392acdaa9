"""`make reference`: writes the pages of docs/reference that the code determines: settings, metrics, commands of `tracker`, tables."""

import re
import tempfile
import textwrap
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_group

from client.command_line import app as tracker
from deploy import schema_page
from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.settings import READERS
from deploy.migrations.migrate import migrate
from services.ingest.imports import store_probe
from shared import metrics
from shared.setting_names import NAMES_FILE
from shared.settings import variable

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/reference"
_OF_CONTAINERS = re.compile(r"(?:\$\{|^ +)(TRACKER_\w+)", re.MULTILINE)
# How code asks for a variable: of the process, of a mapping that it is given, by an option of a command.
_ASKED = re.compile(r'(?:environ(?:ment)?(?:\.get\(|\[)|envvar=)"(TRACKER_\w+)"')
GENERATED = "This page is generated from the code by `make reference`."


def pages() -> dict[str, str]:
    """{file name: text}."""
    return {"settings.md": _settings(), "metrics.md": _metrics(), "cli.md": _commands()}


def _settings() -> str:
    readers: dict[str, list[str]] = {}
    meanings: dict[str, tuple[str, str]] = {}
    for reader, settings in READERS.items():
        for name, field in settings.model_fields.items():
            readers.setdefault(variable(name), []).append(reader)
            default = "" if field.default is None or not str(field.default) else f"`{field.default}`"
            # Two services may describe the same setting; the longer text says more.
            meanings[variable(name)] = max(
                meanings.get(variable(name), ("", "")), (default, field.description or ""), key=lambda each: len(each[1])
            )
    return _page(
        "Settings",
        (
            "Settings are environment variables. All are optional. A value that does not work stops the",
            "start, and so does a name that begins with `TRACKER_` and is no setting. Containers have",
            "[some more](../how-to/compose.md). `tracker` itself does not look at names.",
        ),
        "| variable | default | read by | meaning |",
        "|---|---|---|---|",
        *(_row(f"`{name}`", meanings[name][0], ", ".join(readers[name]), meanings[name][1]) for name in meanings),
    )


def _metrics() -> str:
    declared = (value for value in chain(vars(metrics).values(), vars(store_probe).values()) if isinstance(value, MetricWrapperBase))
    return _page(
        "Metrics",
        (
            "`/metrics` of ingest and of query exports these in Prometheus' format. A process exports the",
            "metrics that it sets. [Monitor](../how-to/monitor.md) says which ones to watch.",
        ),
        "| metric | type | labels | meaning |",
        "|---|---|---|---|",
        *(_metric_row(each) for each in declared),
    )


def _metric_row(metric: MetricWrapperBase) -> str:
    [described] = metric.describe()
    name = f"{described.name}_total" if isinstance(metric, Counter) else described.name
    return _row(f"`{name}`", described.type, ", ".join(f"`{label}`" for label in metric._labelnames), described.documentation)


def _commands() -> str:
    commands = chain.from_iterable(_command(f"tracker {name}", command) for name, command in _leaves(get_group(tracker)))
    return _page(
        "Commands of tracker",
        (
            "`./tracker` works in a clone, from any folder. `pipx install .` installs the same program as",
            "`tracker`, on Linux, macOS and Windows. `tracker --version` shows its version, and",
            "`tracker --install-completion` completes its commands and options in your shell.",
            "Exit code 70 is an error that nobody expected; with `--debug` any command shows its trace.",
        ),
        *commands,
    )


def _leaves(command: object, path: str = "") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Each command that does something, under its full name."""
    match command:
        case TyperGroup():
            if path and command.invoke_without_command:
                yield path.strip(), command
            for name, each in command.commands.items():
                yield from _leaves(each, f"{path} {name}")
        case TyperCommand() if not command.hidden:
            yield path.strip(), command


def _command(name: str, command: TyperCommand | TyperGroup) -> Iterator[str]:
    arguments = " ".join(_argument(each) for each in command.params if isinstance(each, TyperArgument))
    yield from ("", f"## {name} {arguments}".rstrip(), "")
    yield textwrap.fill(command.help or "", 98)
    yield from ("", "| option | default | meaning |", "|---|---|---|")
    for option in command.params:
        if isinstance(option, TyperOption):
            default = "" if option.default in (None, False, "") or callable(option.default) else f"`{option.default}`"
            names = ", ".join(f"`{each} {option.metavar or ''}".rstrip() + "`" for each in option.opts)
            environment = f" Also `{option.envvar}`." if option.envvar else ""
            yield _row(names, default, f"{option.help or ''}{environment}")


def _argument(argument: TyperArgument) -> str:
    name = (argument.metavar or argument.name or "").upper().strip("[]{}")
    name = f"{name}…" if argument.nargs < 0 else name
    return name if argument.required else f"[{name}]"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |".replace("|  |", "| |")


def _page(title: str, introduction: tuple[str, ...], *lines: str) -> str:
    return "\n".join((f"# {title}", "", *introduction, GENERATED, *([] if lines[0] == "" else [""]), *lines, ""))


def setting_names() -> str:
    """Every name of a variable TRACKER_… that something reads, one a line: a service, the containers' files, `tracker`, or a test."""
    settings = {variable(name) for reader in READERS.values() for name in reader.model_fields}
    containers = (ROOT / "docker-compose.yml", ROOT / "deploy/monitoring/compose.yml")
    code = chain.from_iterable((ROOT / folder).rglob("*.py") for folder in ("client", "deploy", "tests"))
    asked = {name for file in containers for name in _OF_CONTAINERS.findall(file.read_text(encoding="utf-8"))}
    asked |= {name for file in code for name in _ASKED.findall(file.read_text(encoding="utf-8"))}
    return "\n".join(sorted(settings | asked)) + "\n"


def write_schema() -> None:
    """Asks a Postgres of its own, with all migrations."""
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresServer(Path(folder) / "postgres", Path(folder) / "run", Path(folder) / "postgres.log")
        server.start()
        try:
            migrate(server.url)
            schema_page.PAGE.write_text(schema_page.schema_page(server.url), encoding="utf-8")
        finally:
            server.stop()


if __name__ == "__main__":
    NAMES_FILE.write_text(setting_names(), encoding="utf-8")
    for _name, _text in pages().items():
        (FOLDER / _name).write_text(_text, encoding="utf-8")
    write_schema()
