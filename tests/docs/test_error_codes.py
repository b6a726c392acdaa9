"""docs/reference/errors.md lists exactly the error codes of responses and import jobs."""

import ast
import re
from collections.abc import Iterator

from deploy.openapi_errors import OF_IMPORT_JOBS, OF_RESPONSES, rows_below
from shared.http import errors
from tests.docs.documents import ROOT

RESPONSES = {code: int(status) for code, status, *_ in rows_below(OF_RESPONSES)}
IMPORT_JOBS = {code for code, *_ in rows_below(OF_IMPORT_JOBS)}
GATEWAY = (ROOT / "deploy" / "gateway" / "nginx.conf").read_text(encoding="utf-8")
# Names of environment variables look like error codes.
_WORD = re.compile(r"(?!TRACKER_|AWS_|LC_)[A-Z]+(_[A-Z]+)+")


def codes_in_source() -> set[str]:
    modules = (path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py"))
    in_python = {code for path in modules for code in codes_of(ast.parse(path.read_text(encoding="utf-8")))}
    return in_python | set(re.findall(r'"code":"([A-Z_]+)"', GATEWAY))


def codes_of(tree: ast.Module) -> Iterator[str]:
    """Words in capitals with a line between them, and single ones that are given as a code."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(word)) if _WORD.fullmatch(word):
                yield word
            case ast.keyword(arg="code", value=ast.Constant(value=str(word))):
                yield word
            case ast.Assign(targets=[ast.Tuple()], value=ast.Tuple(elts=[ast.Constant(value=int()), ast.Constant(value=str(word))])):
                yield word
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(word))) if name == word:
                yield word
            case ast.Assign(targets=[ast.Name(id="code")], value=ast.IfExp(body=ast.Constant(value=str(word)))):
                yield word


def test_the_page_lists_exactly_the_error_codes() -> None:
    assert RESPONSES.keys() | IMPORT_JOBS == codes_in_source()


def test_the_page_states_the_status_of_each_code() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.ApiError)]
    assert {each.code: RESPONSES[each.code] for each in classes} == {each.code: each.status for each in classes}
