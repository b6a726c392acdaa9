"""Projects of one name are told apart in what people read, whatever the key may see."""

import pytest

from client.http.server import Server
from client.questions.lookup import label_rows
from tests.unit.client.scripted_server import Scripted, answer


@pytest.mark.parametrize(
    ("labels", "shown"),
    [(("work/shop", "old/shop", "site"), ["work/shop", "old/shop", "site"]), ((None, None, None), ["shop #1", "shop #2", "site"])],
    ids=["a key that reads", "a key for numbers"],
)
def test_projects_of_one_name_are_told_apart(labels: tuple[str | None, ...], shown: list[str]) -> None:
    rows = [{"project_id": number, "project_name": name} for number, name in enumerate(("shop", "shop", "site"), 1)]
    listed = [{"id": number, "label": label} for number, label in enumerate(labels, 1)]

    with Scripted(answer(200, listed)) as scripted:
        label_rows(Server(scripted.url, None, print), rows)

    assert [row["project_name"] for row in rows] == shown
