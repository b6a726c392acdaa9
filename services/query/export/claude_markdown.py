"""Claude's Markdown as HTML that does nothing: tags are shown as text, images become links, and only links to http and https lead anywhere."""

from collections.abc import Sequence
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from services.query.export.markdown_text import MOST_PARSED

_LINK_TARGETS: Final = frozenset({"http", "https"})


def as_html(text: str) -> Markup:
    """HTML of a text. A text that is too long for the parser is shown as it is."""
    if len(text) > MOST_PARSED:
        return Markup('<pre class="text">{}</pre>').format(text)
    # Its output is escaped by the renderer: raw HTML is off.
    return Markup(_parser().render(text))  # noqa: S704


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False}).enable(["table", "strikethrough"])
    # An image would be a request to somewhere. Without the rule, `![x](y)` is a `!` and a link.
    parser.disable(["image", "html_block", "html_inline"])
    parser.validateLink = _may_lead_to  # type: ignore[method-assign]
    parser.add_render_rule("link_open", _link_open)
    return parser


def _may_lead_to(url: str) -> bool:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    return parts.scheme.lower() in _LINK_TARGETS and bool(parts.netloc)


def _link_open(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, _env: EnvType) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return self.renderToken(tokens, index, options, _env)


def diff_as_html(patch: str) -> Markup:
    """The lines of a unified diff, coloured by what they do."""
    # Escaped once, not line by line, which takes ten times as long. Escaping leaves the signs at the beginning of a line.
    lines = str(escape(patch.rstrip("\n"))).split("\n")
    return Markup("\n".join(_line(line) for line in lines))  # noqa: S704


def _line(line: str) -> str:
    """A line that is escaped."""
    kind = "added" if line.startswith("+") else "removed" if line.startswith("-") else "hunk" if line.startswith("@@") else None
    return line if kind is None else f'<span class="{kind}">{line}</span>'
