"""docker-compose.yml, as the tests of deployment read it."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
# A service of a profile, such as monitoring, is no part of the tracker itself.
SERVICES: dict[str, dict[str, Any]] = {name: service for name, service in COMPOSE["services"].items() if not service.get("profiles")}
