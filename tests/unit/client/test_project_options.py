"""Commands that take a project take its group and its repository too, and ask the server for them."""

from typing import Any, Final

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from client import command_line
from tests.unit.client.scripted_server import Scripted, answer

# {command: why it takes a project and no group}
WITHOUT_GROUPS: Final = {
    "connect": "its project is a folder whose settings it writes",
    "disconnect": "the same",
    "reparse": "a reparse is of one session, one project, or all",
    "move": "an export is of one person, one project, or all",
}
# The arguments that each must be given besides.
ARGUMENTS: Final[dict[str, list[str]]] = {
    "search": ["retry"],
    "file": ["/home/ann/shop/a.py"],
    "export": ["--list", "tool-calls"],
    "top": ["--once"],
    "restore": ["--dry-run"],
}


def commands_of_projects() -> dict[str, set[str]]:
    """By name, of each command with an option --project: its options."""
    group = get_command(command_line.app)
    assert isinstance(group, TyperGroup)
    options = {name: {each for parameter in command.params for each in parameter.opts} for name, command in group.commands.items()}
    return {name: of_command for name, of_command in options.items() if "--project" in of_command}


def test_every_question_about_a_project_takes_a_group_and_a_repository() -> None:
    lacking = {
        name for name, options in commands_of_projects().items() if "--repository" not in options or not options & {"--group", "--in-group"}
    }

    assert lacking == set(WITHOUT_GROUPS)


@pytest.mark.parametrize("name", [name for name in commands_of_projects() if name not in WITHOUT_GROUPS])
def test_a_command_asks_for_the_group_and_the_repository(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """given a server that refuses, then what it was asked names both"""
    refused: dict[str, Any] = {"code": "FORBIDDEN", "message": "Not you.", "details": {}, "request_id": "r"}
    group = "--in-group" if name == "search" else "--group"

    with Scripted(answer(403, refused)) as scripted:
        arguments = [name, *ARGUMENTS.get(name, []), group, "acme", "--repository", "git.example/shop", "--url", scripted.url]
        monkeypatch.setattr("sys.argv", ["tracker", *arguments])
        with pytest.raises(SystemExit):
            command_line.main()

    assert "Not you." in capsys.readouterr().err
    assert "group=acme&repository=git.example%2Fshop" in scripted.seen[0][1]


def test_an_export_of_everything_takes_neither(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["tracker", "export", "--everything", "-o", "all.zip", "--group", "acme"])

    with pytest.raises(SystemExit) as ended:
        command_line.main()

    assert ended.value.code == 2
    assert "--group and --repository are for lists" in capsys.readouterr().err
