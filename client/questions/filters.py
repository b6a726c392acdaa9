"""The filters that most questions have, and the names of projects and machines in them."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from client.errors import Failure, Refused
from client.http.server import Server
from client.phrases import command
from client.questions.lookup import FORBIDDEN, get, pages, project_id

Project = Annotated[
    str | None, typer.Option("--project", metavar="PROJECT", help="Only this project: its id, its name, or the end of its path.")
]
User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Only this person.")]
Group = Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Only projects of this group.")]
Repository = Annotated[
    str | None,
    typer.Option("--repository", metavar="REMOTE", help="Only projects of this git repository, on all machines: github.com/acme/shop."),
]
Machine = Annotated[
    str | None, typer.Option("--machine", metavar="MACHINE", help="Only sessions that were on this machine: its name or its id.")
]


@dataclass(frozen=True, slots=True)
class Filters:
    """The options that choose the data of a question, besides its days."""

    project: Project = None
    group: Group = None
    repository: Repository = None
    user: User = None
    machine: Machine = None

    def of(self, server: Server) -> dict[str, Any]:
        """As the API takes them. Failure for a project or machine that nobody knows."""
        return {
            "project_id": project_id(server, self.project),
            "group": self.group,
            "repository": self.repository,
            "user": self.user,
            "machine": _machine(server, self.machine),
        }


def _machine(server: Server, name: str | None) -> str | None:
    """The name or id of a machine, as the API takes it. Failure if no machine has it, and no session was on such a one."""
    if name is None:
        return None
    try:
        if any(name in (each["machine_id"], each["name"]) for each in pages(server, "/api/machines", {})):
            return name
        # One that was forgotten has left its sessions.
        if get(server, "/api/sessions", {"machine": name, "limit": 1})["items"]:
            return name
    except Refused as error:
        if error.status == FORBIDDEN:
            return name
        raise
    raise Failure(f"There is no machine {name!r}; `{command()} machines` lists them.")
