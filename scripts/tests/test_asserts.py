"""An assertion of a test can fail, and does not fail by chance."""

import ast
import re
from collections.abc import Iterator

import pytest

from scripts.paths import ROOT
from scripts.tests.own_files import own_files

# What references, ticket numbers and correlation ids can spell: "7A" is in one of 200 booking references.
SPELT_BY_CHANCE = re.compile(r"[A-Z0-9]{1,4}|[0-9a-f]{1,4}")
TEXTS = {"text", "body", "page", "html", "content"}


def cannot_fail(check: ast.Assert) -> str:
    """Why this assertion says less than it seems to; empty when it does not."""
    match check.test:
        case ast.IfExp():
            return "it asserts one branch as it stands: put the condition into parentheses"
        case ast.Tuple(elts=[_, *_]):
            return "a tuple is always true"
        case ast.Constant(value=value) if value:
            return "a constant is always true"
        case ast.BoolOp(op=ast.Or(), values=values) if any(map(_is_true, values)):
            return "one side is always true"
        case ast.JoinedStr() | ast.Lambda() | ast.GeneratorExp():
            return "it is always true"
    return "its message is a comparison" if isinstance(check.msg, ast.Compare) else ""


def can_fail_by_chance(check: ast.Compare) -> bool:
    """Whether it asks that a text lacks a few letters or digits, which a random id in it can spell."""
    match check:
        case ast.Compare(ops=[ast.NotIn()], left=ast.Constant(value=value), comparators=[text]):
            words = value.decode() if isinstance(value, bytes) else str(value)
            return SPELT_BY_CHANCE.fullmatch(words) is not None and _is_text(text)
    return False


def _is_text(value: ast.expr) -> bool:
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in TEXTS
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in {"str", "repr", "decode"}
    return False


def _is_true(part: ast.expr) -> bool:
    return (isinstance(part, ast.Constant) and bool(part.value)) or isinstance(part, ast.IfExp)


def found_in(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and (why := cannot_fail(node)):
            yield node.lineno, why
        if isinstance(node, ast.Compare) and can_fail_by_chance(node):
            yield node.lineno, "a random id can spell it: ask for more of the text"


def test_no_assertion_is_true_by_its_form() -> None:
    files = own_files()
    assert len(files) > 300
    found = [
        f"{path.relative_to(ROOT)}:{line}: {why}"
        for path in files
        for line, why in found_in(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "assert x == 1 if y else 2",
        "assert (x == 1, 'why')",
        "assert 'text'",
        "assert x or True",
        "assert x or (1 if y else 2)",
        "assert f'{x}'",
        "assert (one for one in x)",
        "assert x, y == 2",
        "assert '7A' not in sent.body",
        "assert b'999' not in answer.content",
        "assert x and 'DAL' not in page.decode()",
    ],
)
def test_an_assertion_of_form_or_chance_is_found(line: str) -> None:
    assert [number for number, _ in found_in(line)] == [1]


@pytest.mark.parametrize(
    "line",
    [
        "assert x == (1 if y else 2)",
        "assert x, 'why'",
        "assert x or y",
        "assert all(x)",
        "assert not ()",
        "assert 'seat 7A' not in text",
    ],
)
def test_an_assertion_that_can_fail_for_its_reason_is_left_alone(line: str) -> None:
    assert list(found_in(line)) == []
