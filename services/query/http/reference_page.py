"""The reference page: shared/openapi.json as one HTML page that needs no script and nobody else's server."""

import base64
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import Any

import msgspec

from shared.http.api_document import DOCUMENT

Json = dict[str, Any]

_STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
code,.path{font-family:ui-monospace,monospace;font-size:.92em}h1,h2,h3{line-height:1.2}h2{margin-top:3rem;border-bottom:1px solid #8886}
section{margin:2rem 0}.verb{font-weight:700;margin-right:.6rem}.quiet{opacity:.7}table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8883}nav li{list-style:none}nav ul{padding-left:1rem}
"""
_DIGEST = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


@lru_cache(maxsize=1)
def document() -> bytes:
    """The committed description of both services."""
    return DOCUMENT.read_bytes()


@lru_cache(maxsize=1)
def page() -> str:
    """The reference as HTML."""
    return render(msgspec.json.decode(document()))


def front_page() -> str:
    """What `/` answers."""
    links = [("/docs", "API reference"), ("/openapi.json", "OpenAPI document"), ("/api/projects", "Projects"), ("/readyz", "Is it ready?")]
    items = "".join(f'<li><a href="{path}">{text}</a> <span class="quiet path">{path}</span></li>' for path, text in links)
    return _html(
        "Claude Code Tracker",
        f"<h1>Claude Code Tracker</h1><p>It keeps what Claude Code did, and answers what you ask of it.</p><ul>{items}</ul>",
    )


def render(api: Json) -> str:
    """An OpenAPI document as one page: endpoints by tag, then the schemas."""
    by_tag: dict[str, list[tuple[str, str, Json]]] = {}
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault((operation.get("tags") or ["other"])[0], []).append((method.upper(), path, operation))
    contents = "".join(_contents(tag, operations) for tag, operations in by_tag.items())
    body = "".join(f"<h2>{escape(tag)}</h2>" + "".join(map(_operation, operations)) for tag, operations in by_tag.items())
    schemas = "".join(_schema(name, schema) for name, schema in sorted(api.get("components", {}).get("schemas", {}).items()))
    info = api["info"]
    head = f"<h1>{escape(info['title'])} <span class=quiet>{escape(info['version'])}</span></h1>{_prose(info.get('description', ''))}"
    return _html(info["title"], f"{head}<nav>{contents}</nav>{body}<h2>schemas</h2>{schemas}")


def _contents(tag: str, operations: list[tuple[str, str, Json]]) -> str:
    lines = (
        f'<li><a href="#{_anchor(method, path)}"><span class=path>{method} {escape(path)}</span></a> {escape(operation.get("summary", ""))}</li>'
        for method, path, operation in operations
    )
    return f"<p>{escape(tag)}</p><ul>{''.join(lines)}</ul>"


def _operation(entry: tuple[str, str, Json]) -> str:
    method, path, operation = entry
    title = f'<h3 id="{_anchor(method, path)}"><span class=verb>{method}</span><span class=path>{escape(path)}</span></h3>'
    about = f"<p><strong>{escape(operation.get('summary', ''))}</strong></p>{_prose(operation.get('description', ''))}"
    parameters = [
        (each["name"], _type(each.get("schema", {})), ("required. " if each.get("required") else "") + each.get("description", ""))
        for each in operation.get("parameters", [])
    ]
    bodies = [(kind, _type(body.get("schema", {})), "") for kind, body in operation.get("requestBody", {}).get("content", {}).items()]
    answers = [(status, _answer_type(response), response.get("description", "")) for status, response in operation["responses"].items()]
    return f"<section>{title}{about}{_table('Parameters', parameters)}{_table('Body', bodies)}{_table('Answers', answers)}</section>"


def _answer_type(response: Json) -> str:
    return " ".join(_type(body.get("schema", {})) for body in response.get("content", {}).values())


def _schema(name: str, schema: Json) -> str:
    required = schema.get("required", [])
    fields = [
        (field, _type(about), ("" if field in required else "optional. ") + about.get("description", ""))
        for field, about in schema.get("properties", {}).items()
    ]
    inner = _table("Fields", fields) if fields else f"<p>{_type(schema)}</p>"
    return f'<section><h3 id="schema-{escape(name)}">{escape(name)}</h3>{_prose(schema.get("description", ""))}{inner}</section>'


def _type(schema: Json) -> str:
    """A schema in a few words, with links to the named ones."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#schema-{name}">{name}</a>'
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(map(_type, schema[key]))
    if "enum" in schema or "const" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    return escape(" ".join([str(schema.get("type", "any")), *([f"({schema['format']})"] if "format" in schema else []), *limits]))


_LIMITS = {"minimum": "≥", "maximum": "≤", "minLength": "length ≥", "maxLength": "length ≤", "default": "default"}


def _table(title: str, lines: list[tuple[str, str, str]]) -> str:
    if not lines:
        return ""
    body = "".join(f"<tr><td><code>{escape(name)}</code><td>{kind}<td>{escape(about)}" for name, kind, about in lines)
    return f"<table><tr><th>{title}<th>Type<th>What{body}</table>"


def _prose(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _anchor(method: str, path: str) -> str:
    return escape((method + path).replace("/", "-").replace("{", "").replace("}", "").lower())


def _html(title: str, body: str) -> str:
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style><body>{body}</body></html>"
    )
