"""A catalogue in which each text that is marked for translation stands in brackets, made from the sources.

Whatever a page shows outside brackets is not marked. GNU gettext is not needed.
"""

import ast
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import django
from django.utils.translation import templatize

LANGUAGE = "xx"
OPEN, CLOSE = "⟦⟧"
UI = Path(__file__).parents[1] / "ui"
DJANGO = Path(django.__file__).parent
# What of Django reaches a page: errors of forms and passwords, days and months.
OF_DJANGO = ("forms", "contrib/auth", "core", "db/models", "utils")
ONE = ("_", "gettext", "gettext_lazy")
"as `makemessages` knows them: under another name it does not find a text"
MANY = ("ngettext", "ngettext_lazy")
WITH_CONTEXT = ("pgettext", "pgettext_lazy")
MARKS = (*ONE, *MANY, *WITH_CONTEXT)
HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
_STRING = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_IN_TEMPLATE = re.compile(rf"\b(_|gettext|ngettext)\((u?{_STRING})(?:, ?(u?{_STRING}))?")
Message = tuple[str, ...]
"The text, or one and many."


def of_python(source: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or (name := called(node)) not in MARKS:
            continue
        given = (each.value for each in node.args if isinstance(each, ast.Constant))
        texts = [text for text in given if isinstance(text, str)]
        if not texts:
            continue
        if name in WITH_CONTEXT:
            yield (f"{texts[0]}\x04{texts[1]}",)
        else:
            yield tuple(texts[: 2 if name in MANY else 1])


def called(node: ast.Call) -> str:
    """The name of the function, without its module."""
    function = node.func
    return getattr(function, "id", "") or getattr(function, "attr", "")


def of_template(source: str) -> Iterator[Message]:
    for found in _IN_TEMPLATE.finditer(templatize(source)):
        yield tuple(str(ast.literal_eval(text)) for text in found.groups()[1:] if text)


def messages() -> set[Message]:
    sources = [*UI.rglob("*.py"), *(path for part in OF_DJANGO for path in (DJANGO / part).rglob("*.py"))]
    found = {message for path in sources for message in of_python(path.read_text())}
    templates = (path for path in (UI / "templates").rglob("*.*") if path.suffix in (".html", ".txt", ".svg"))
    return found | {message for path in templates for message in of_template(path.read_text())}


def write(folder: Path) -> None:
    """LOCALE_PATHS takes the folder."""
    texts = {"\0".join(message): "\0".join(map(_bracketed, message)) for message in messages()}
    path = folder / LANGUAGE / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(_compiled({**texts, "": HEADER}))


def _bracketed(text: str) -> str:
    return f"{OPEN}{text.partition(chr(4))[2] or text}{CLOSE}"


def _compiled(texts: dict[str, str]) -> bytes:
    """As GNU gettext's manual describes a .mo file: two tables of lengths and offsets, then the texts."""
    pairs = sorted((key.encode(), value.encode()) for key, value in texts.items())
    header_size, size = 28, len(pairs) * 8
    tables, body, at = [b"", b""], b"", header_size + 2 * size
    for place in (0, 1):
        for pair in pairs:
            tables[place] += struct.pack("<II", len(pair[place]), at + len(body))
            body += pair[place] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), header_size, header_size + size, 0, 0)
    return head + tables[0] + tables[1] + body
