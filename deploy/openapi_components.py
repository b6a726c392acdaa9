"""Parts that several operations of the API's description have in common stand once, in its components: errors, their examples, parameters."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def share_components(document: Json) -> None:
    """Moves error answers and their examples, and each parameter in its most frequent wording, to the components, and refers to them.

    A parameter of one operation alone stays there.
    """
    components = document["components"]
    components["responses"], components["examples"] = {}, {}
    for operation in _operations(document):
        for status, response in operation["responses"].items():
            if status >= "400":
                operation["responses"][status] = _shared_response(components, response)
    components["parameters"] = _share_parameters(document)
    for kind in ("responses", "examples", "parameters"):
        components[kind] = dict(sorted(components[kind].items()))


def resolved(document: Json, node: Json) -> Json:
    """The node itself, or the one that it refers to: `{"$ref": "#/components/parameters/limit"}` is the parameter."""
    if "$ref" not in node:
        return node
    found = document
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return resolved(document, found)


def _operations(document: Json) -> Iterator[Json]:
    for of_path in document["paths"].values():
        yield from of_path.values()


def _shared_response(components: Json, response: Json) -> Json:
    """A reference to the answer, which is named by its codes: `INVALID_CURSOR.VALIDATION_ERROR`."""
    [content] = response["content"].values()
    for code, example in content["examples"].items():
        content["examples"][code] = _reference(components, "examples", code, example)
    return _reference(components, "responses", ".".join(sorted(content["examples"])), response)


def _share_parameters(document: Json) -> Json:
    """The parameters by name; operations that have one in this wording refer to it."""
    used = Counter(json.dumps(each, sort_keys=True) for operation in _operations(document) for each in operation.get("parameters", []))
    shared: Json = {}
    for text, times in used.most_common():
        parameter = json.loads(text)
        if times > 1:
            shared.setdefault(parameter["name"], parameter)
    for operation in _operations(document):
        if "parameters" in operation:
            operation["parameters"] = [
                {"$ref": f"#/components/parameters/{each['name']}"} if shared.get(each["name"]) == each else each
                for each in operation["parameters"]
            ]
    return shared


def _reference(components: Json, kind: str, name: str, value: Json) -> Json:
    """A reference to a component, which must be the same wherever it is used. ValueError if it is not."""
    if components[kind].setdefault(name, value) != value:
        raise ValueError(f"{kind} of the name {name} differ: {components[kind][name]} and {value}")
    return {"$ref": f"#/components/{kind}/{name}"}
