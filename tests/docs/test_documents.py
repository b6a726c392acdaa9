"""The documents agree with the code: settings, file names, make targets, decisions."""

import re

import pytest

from deploy.embedded.settings import READERS
from deploy.reference_docs import FOLDER, pages, setting_names
from shared.setting_names import NAMES_FILE
from tests.docs.documents import DOCUMENTS, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
# A decision is read at one look, and one that was replaced is a pointer (docs/adr/README.md).
DECISION_LINES, POINTER_LINES = 40, 8
MADE_BY_OPERATORS = {"deploy/monitoring/metrics-key", "deploy/k8s/overlays/single/tracker-secrets.env"}


@pytest.mark.parametrize("page", sorted(pages()))
def test_generated_reference_is_current(page: str) -> None:
    assert (FOLDER / page).read_text(encoding="utf-8") == pages()[page], "run `make reference`"


def test_generated_names_of_settings_are_current() -> None:
    assert NAMES_FILE.read_text(encoding="utf-8") == setting_names(), "run `make reference`"


def test_every_setting_has_a_description() -> None:
    for settings in READERS.values():
        for name, field in settings.model_fields.items():
            assert field.description, f"{settings.__module__}: {name} has no description"


def test_files_named_in_documents_exist() -> None:
    pattern = re.compile(r"(?<![\w/.-])((?:services|shared|deploy|tests|client|docs)/[\w./-]*\w)")
    named = [(document, name) for document in DOCUMENTS for name in pattern.findall((ROOT / document).read_text(encoding="utf-8"))]
    assert [(document, name) for document, name in named if not (ROOT / name).exists() and name not in MADE_BY_OPERATORS] == []


def test_links_between_documents_lead_somewhere() -> None:
    linked = [
        (document, target.partition("#")[0])
        for document in DOCUMENTS
        for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / document).read_text(encoding="utf-8"))
        if "://" not in target
    ]
    assert [(document, to) for document, to in linked if to and not (ROOT / document).parent.joinpath(to).exists()] == []


def test_index_links_to_every_document() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    expected = {page for page in pages if not page.startswith("adr/")} | {"adr/README.md"}
    assert {target for target in re.findall(r"\]\(([^)\s#]+)\)", index) if not target.startswith("..")} == expected


def test_make_targets_named_in_the_readme_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([\w-]+)", README)) <= targets


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/adr").glob("0*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_decisions_begin_with_what_was_decided_and_end_within_40_lines() -> None:
    broken: list[str] = []
    for path in (ROOT / "docs/adr").glob("0*.md"):
        title, decision, *_ = path.read_text(encoding="utf-8").split("\n\n")
        newer = re.search(r" \(superseded by (\d+)\)$", title)
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if newer:
            is_right = lines <= POINTER_LINES and bool(re.search(rf"\[{newer[1]}\]\({int(newer[1]):04}-", decision))
        else:
            is_right = lines <= DECISION_LINES and decision.count("\n") < 2 and not decision.startswith(("**", "Status"))
        if not (is_right and title.startswith(f"# {int(path.name[:4])}. ")):
            broken.append(path.name)
    assert broken == []


def test_index_of_decisions_has_every_title_and_decision() -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    titles, sentences = set[str](), set[str]()
    for path in (ROOT / "docs/adr").glob("0*.md"):
        title, decision, *_ = path.read_text(encoding="utf-8").split("\n\n")
        titles.add(f"[{title.removeprefix('# ')}]({path.name})")
        if "(superseded by" not in title:
            sentences.add(re.split(r"(?<=\.)\s+(?=[A-Z`])", " ".join(decision.split()))[0])

    assert sorted(re.findall(r"\[\d+\. .*?\]\(0\d{3}.*?\)", index)) == sorted(titles)
    assert [sentence for sentence in sentences if f"| {sentence} |" not in index] == []
