"""The API's description, and what it allows."""

import json
from functools import cache
from typing import Any

import jsonschema_rs

from deploy.openapi_components import resolved
from shared.http.api_document import DOCUMENT

Json = dict[str, Any]
API: Json = json.loads(DOCUMENT.read_text(encoding="utf-8"))
OPERATIONS = {f"{method.upper()} {path}": each for path, of_path in API["paths"].items() for method, each in of_path.items()}


def is_allowed(schema: Json, example: Any, *, formats: bool = True) -> bool:
    return bool(validator_of(json.dumps(schema), formats).is_valid(example))


@cache
def validator_of(schema: str, formats: bool) -> jsonschema_rs.Draft202012Validator:
    """Most errors and many answers have the same schema, and it takes a tenth of a second to read it with all components."""
    return jsonschema_rs.Draft202012Validator(json.loads(schema) | {"components": API["components"]}, validate_formats=formats)


def parameters(operation: Json) -> list[Json]:
    return [resolved(API, each) for each in operation.get("parameters", [])]
