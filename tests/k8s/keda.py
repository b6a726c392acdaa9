"""What KEDA takes, as far as it is used here: its own definition is installed with it and is in no package. By its documentation, version 2."""

from typing import Any


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string", "minLength": 1}

# The metadata of a trigger are texts, numbers too.
_PROMETHEUS = _object(
    ["serverAddress", "query", "threshold"], serverAddress=_TEXT, query=_TEXT, threshold={"type": "string", "pattern": r"^\d+$"}
)
_TRIGGER = _object(["type", "metadata"], type={"const": "prometheus"}, metricType={"enum": ["Value", "AverageValue"]}, metadata=_PROMETHEUS)
_SPEC = _object(
    ["scaleTargetRef", "triggers"],
    scaleTargetRef=_object(["name"], name=_TEXT),
    minReplicaCount=_COUNT,
    maxReplicaCount=_COUNT,
    pollingInterval=_COUNT,
    cooldownPeriod=_COUNT,
    fallback=_object(["failureThreshold", "replicas"], failureThreshold=_COUNT, replicas=_COUNT),
    triggers={"type": "array", "minItems": 1, "items": _TRIGGER},
)
SCALED_OBJECT: dict[str, dict[str, Any]] = {
    "ScaledObject": _object(
        ["apiVersion", "kind", "metadata", "spec"], apiVersion=_TEXT, kind=_TEXT, metadata={"type": "object"}, spec=_SPEC
    ),
}
