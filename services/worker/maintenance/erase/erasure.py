"""The target of an erasure, and code that its stages share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.persist.tombstones import Kind


@dataclass(frozen=True, slots=True)
class Erasure:
    """`names`: the id of a session, all names of a user, or the path of a project; the ids are those that they have in this database.

    The ids of its sessions are in the table erasure_sessions. `project_ids`: of a user or session, the projects that may be left empty.
    """

    id: UUID
    kind: Kind
    names: list[str]
    user_ids: list[int]
    project_ids: list[int]
    from_at: datetime | None
    to_at: datetime | None

    @property
    def parameters(self) -> dict[str, Any]:
        """Those that every statement may use."""
        return {
            "erasure_id": self.id,
            "kind": self.kind,
            "names": self.names,
            # As in the query of an address.
            "encoded_names": [quote(name, safe="") for name in self.names],
            # As a word of its own in other texts.
            "name_patterns": [rf"(^|\W){re.escape(name)}($|\W)" for name in self.names],
            "user_ids": self.user_ids,
            "project_ids": self.project_ids,
            "from_at": self.from_at,
            "to_at": self.to_at,
        }


# A step of a stage. It may be taken again after a crash.
Stage = Callable[[Erasure, Step], Done]
