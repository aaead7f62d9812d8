"""Card numbers: found anywhere in a text, refused where text is stored, masked in logs."""

import re
import unicodedata
from collections.abc import Iterator

MASK = "[card number]"
MIN_DIGITS = 13
# Digits of any script with usual separators.
SEPARATORS = r"[\s._/\u00b7\u2010-\u2015\u2212-]"
# Possessive: without it a text that is no run, such as a UUID, takes twice as long.
RUN = re.compile(rf"\d(?:{SEPARATORS}{{0,3}}+\d){{12,}}+")
GROUP = re.compile(r"\d+")
NO_DIGITS = re.compile(r"\D+")
WHOLE = re.compile(rf"(?:{SEPARATORS}*\d){{13,19}}{SEPARATORS}*")
UUID = re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])")
HEX_BEFORE, HEX_AFTER = re.compile(r"[0-9A-Fa-f]*$"), re.compile(r"[0-9A-Fa-f]*")
DOUBLED = str.maketrans("0123456789", "0246813579")
"Luhn check: the doubled digit, or the digit sum of its double."
# Issuers' prefixes and lengths: within other text a long number alone is not suspicious.
ISSUED = re.compile(
    r"4(\d{12}|\d{15}|\d{17,18})|5\d{15}|5[0678]\d{11,17}|2[2-7]\d{14}|220[0-4]\d{12,15}|3[47]\d{13}"
    r"|3(0[0-59]|[689]\d)\d{11,16}|35\d{14,17}|6\d{12,18}|8[15]\d{14,17}|9792\d{12}"
)
SHORT_ID, LONG_ID = 16, 20
"Hexadecimal digits of an id: exactly so many (64 bits), or so many and more."


def looks_like_card(text: str) -> bool:
    """13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1): as the whole text, or within it."""
    if len(text) < MIN_DIGITS:
        return False
    plain = text if text.isascii() else _plain(text)
    if WHOLE.fullmatch(plain) and _passes_luhn(_digits(plain)):
        return True
    # Nearly every text ends here, and each log line has several.
    return RUN.search(plain) is not None and next(_found(plain), None) is not None


def masked(text: str) -> str:
    """The text with its card numbers masked."""
    if not looks_like_card(text):
        return text
    plain = _plain(text)
    spans = list(_found(plain))
    if not spans:
        return MASK
    # From the end, so that earlier positions stay valid.
    for begin, end in reversed(spans):
        plain = plain[:begin] + MASK + plain[end:]
    return plain


def _plain(text: str) -> str:
    """Normalised text: one form for characters that look the same, without invisible ones."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join([one for one in folded if unicodedata.category(one) != "Cf"])


def _found(text: str) -> Iterator[tuple[int, int]]:
    """Positions of card numbers: whole groups of digits, 13 to 19 in all."""
    # The digits of an id are no card number.
    hidden = UUID.sub(lambda match: "x" * len(match[0]), text)
    for run in RUN.finditer(hidden):
        groups = [(run.start() + each.start(), run.start() + each.end()) for each in GROUP.finditer(run[0])]
        first = 0
        while first < len(groups):
            last = _card_from(hidden, groups[first:])
            if last:
                yield groups[first][0], groups[first + last - 1][1]
            first += last or 1


def _card_from(text: str, groups: list[tuple[int, int]]) -> int:
    """How many groups from the first one make a card number; 0 if none do."""
    digits = ""
    for number, (begin, end) in enumerate(groups, start=1):
        digits += _digits(text[begin:end])
        if len(digits) > 19:
            return 0
        if ISSUED.fullmatch(digits) and _passes_luhn(digits):
            return 0 if _is_other(text, groups[0][0], end) else number
    return 0


def _is_other(text: str, begin: int, end: int) -> bool:
    """A telephone number, or a part of a hexadecimal id."""
    before, after = HEX_BEFORE.search(text[:begin]), HEX_AFTER.match(text, end)
    beside = (before[0] if before else "") + (after[0] if after else "")
    length = len(beside) + end - begin
    in_hex = (length == SHORT_ID or length >= LONG_ID) and re.search("[A-Fa-f]", beside)
    return text[:begin].endswith("+") or bool(in_hex)


def _digits(text: str) -> str:
    if text.isascii():
        return NO_DIGITS.sub("", text)
    return "".join([str(unicodedata.decimal(one)) for one in text if one.isdecimal()])


def _passes_luhn(digits: str) -> bool:
    every_second = digits[-2::-2].translate(DOUBLED)
    return sum(map(int, digits[-1::-2] + every_second)) % 10 == 0
