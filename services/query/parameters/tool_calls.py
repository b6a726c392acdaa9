"""One tool call: the answer, and its id in a path."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

CallId = Annotated[UUID, Path(description="The tool call's id, as the lists show it.")]
