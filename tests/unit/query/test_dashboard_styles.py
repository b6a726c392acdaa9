"""The dashboard's style sheets as they are written. They are built into one, so a class name is shared by all of them."""

import re
from collections import defaultdict

from services.query.http.dashboard_files import FOLDER

SOURCE = FOLDER.parent / "source"
COMMENTS = re.compile(r"/\*.*?\*/", re.DOTALL)
# Which elements a pseudo-class looks at does not say whose the rule is.
ASIDE = re.compile(r":(?:not|has|is|where)\([^)]*\)")


def selectors_of(css: str) -> list[str]:
    """Each selector of each rule; at-rules are looked into."""
    heads = (head.strip() for head in re.findall(r"([^{}]+)\{", ASIDE.sub("", COMMENTS.sub("", css))))
    return [each.strip() for head in heads if not head.startswith("@") for each in head.split(",")]


def owned_classes(selector: str) -> list[str]:
    """The classes that a rule belongs to: those of its first element. A state such as is-open counts where it stands alone."""
    first = re.split(r"[\s>+~]", selector)[0]
    classes = re.findall(r"\.([\w-]+)", first)
    return [name for name in classes if not name.startswith("is-")] or classes


def test_class_belongs_to_one_style_sheet() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    # One sheet says how all parts are on paper.
    for sheet in set(SOURCE.rglob("*.css")) - {SOURCE / "style/print.css"}:
        for selector in selectors_of(sheet.read_text()):
            for name in owned_classes(selector):
                owners[name].add(str(sheet.relative_to(SOURCE)))

    assert len(owners) > 300
    assert {name: sorted(sheets) for name, sheets in owners.items() if len(sheets) > 1} == {}
