"""Ids are UUIDv5 of the natural keys and never change: a change would import everything twice."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from services.worker.importers.formats import ids


@given(st.text())
def test_an_id_is_the_standard_uuid5_of_its_natural_key(key: str) -> None:
    assert ids.tool_use_id(key) == uuid5(ids.NAMESPACE, f"tool use\n{key}")


def test_ids_match_the_released_values() -> None:
    assert [
        ids.project_id("/p"),
        ids.person_message_id("u"),
        ids.claude_message_id("msg_1"),
        ids.tool_use_id("toolu_1"),
        ids.file_change_id("toolu_1"),
        ids.file_deletion_id("toolu_1", "/p/a"),
        ids.api_call_id("msg_1", "req_1"),
        ids.api_call_id("msg_1", None),
        ids.history_prompt_id("/p", 1, "words"),
        ids.prompt_id("/p", "words", 0),
        ids.facts_id("s", b"{}"),
    ] == [UUID(value) for value in EXPECTED]


EXPECTED = [
    "233b356f-52cb-5d28-a7f2-39cb37d7672d",
    "f6bbeef3-20d9-5930-b2b2-30fd2617e5c4",
    "bca82bbc-7a1b-518d-959d-7ef562284b11",
    "4555e19d-807b-579f-8e7c-8cc5a29d0707",
    "dfd3bbdf-11b7-5fa0-a4bf-ef5a5e632ea8",
    "ec990117-7594-584e-b87f-da2537ccf64b",
    "57940ee8-8701-539b-b3a2-2f27f9853077",
    "008806d9-00b6-565d-bc8c-fde46e6f9f42",
    "f8479ec5-2db3-5b57-935d-0bc5b575764a",
    "324e7a34-728a-53a1-aa08-b611b7bcf5a4",
    "59b03bd5-4b4d-5bc6-a6fc-6900ea1fb9fa",
]
