"""Diffs as HTML: each line is coloured by its sign, and no text of a diff becomes a tag."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from services.query.export.claude_markdown import diff_as_html

_SPAN = re.compile(r'<span class="(added|removed|hunk)">|</span>')


def test_lines_are_coloured_by_their_sign() -> None:
    assert diff_as_html("@@ -1,2 +1,2 @@\n a < b\n-<b>\n+\"x\" & 'y'\n\n") == (
        '<span class="hunk">@@ -1,2 +1,2 @@</span>\n a &lt; b\n<span class="removed">-&lt;b&gt;</span>\n'
        '<span class="added">+&#34;x&#34; &amp; &#39;y&#39;</span>'
    )


@given(st.lists(st.sampled_from(["+", "-", "@@", "<", ">", "&lt;", '"', "'", "\n", "</span>", "x"]) | st.text(), max_size=30).map("".join))
def test_no_text_becomes_a_tag(patch: str) -> None:
    made = diff_as_html(patch)

    assert "<" not in _SPAN.sub("", made)
    assert html.unescape(_SPAN.sub("", made)) == html.unescape(_escaped(patch.rstrip("\n")))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
