"""The API's description is complete: every operation has a sentence, examples that its schemas allow, and its errors."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.openapi_components import resolved
from tests.unit.api_document import API, OPERATIONS, Json, is_allowed, parameters

WHERE_TO_ADD_EXAMPLES = "add one to services/ingest/http/examples.py, then `make openapi`"


def contents(operation: Json) -> Iterator[tuple[str, Json]]:
    """The JSON contents of the request and of the 2xx answers."""
    answers = [(status, each) for status, each in operation["responses"].items() if status < "300"]
    for name, holder in [("request", operation.get("requestBody", {})), *answers]:
        for media_type, content in holder.get("content", {}).items():
            if media_type == "application/json" and content["schema"]:
                yield name, content


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_a_summary_and_a_description(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["summary"] != operation["operationId"].replace("_", " ").title(), "give the route a summary"
    assert operation["description"].strip()
    assert all(each.get("description") for each in parameters(operation))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_json_body_and_answer_has_an_example_that_its_schema_allows(name: str) -> None:
    for place, content in contents(OPERATIONS[name]):
        assert "example" in content, f"{name}, {place}: {content['schema']} has no example; {WHERE_TO_ADD_EXAMPLES}"
        assert is_allowed(content["schema"], content["example"]), f"{name}, {place}: its schema does not allow its example"


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_its_errors_with_examples(name: str) -> None:
    responses = OPERATIONS[name]["responses"]
    assert {"403", "405", "421", "500", "503"} <= responses.keys()
    assert ("401" in responses) == bool(OPERATIONS[name]["security"])
    # A PUT makes what its path names.
    assert ("404" in responses) or "{" not in name or name.startswith("PUT ")
    for status, response in responses.items():
        if status >= "400":
            assert response.keys() == {"$ref"}, f"{name}: {status} stands in each operation; see deploy/openapi_components.py"
            [content] = resolved(API, response)["content"].values()
            examples = [resolved(API, each)["value"] for each in content["examples"].values()]
            assert examples, f"{name}: no error code is documented for {status}; see deploy/openapi_errors.py"
            assert all(is_allowed(content["schema"], each) for each in examples)


def test_every_example_of_a_parameter_is_allowed() -> None:
    wrong = [
        (name, each["name"], example)
        for name, operation in OPERATIONS.items()
        for each in parameters(operation)
        for example in [*each.get("examples", []), *each["schema"].get("examples", [])]
        if not is_allowed(each["schema"], example)
    ]
    assert wrong == []


def test_operation_ids_are_unique() -> None:
    ids = [each["operationId"] for each in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


def test_alternatives_have_names_and_types() -> None:
    """No anonymous choice but that of a named schema or null, and no choice that allows anything."""
    nameless = [
        where
        for where, node in walk(API)
        for variants in (node.get("anyOf"), node.get("oneOf"))
        if variants and not all(each.keys() == {"$ref"} or each == {"type": "null"} for each in variants)
    ]
    assert nameless == []


def walk(node: Any, where: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(node, dict):
        yield where, node
        for key, each in node.items():
            if key not in {"example", "examples"}:
                yield from walk(each, f"{where}/{key}")
    elif isinstance(node, list):
        for index, each in enumerate(node):
            yield from walk(each, f"{where}/{index}")
