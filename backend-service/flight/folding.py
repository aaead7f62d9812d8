"""Text as a traveller types it: without accents, case and punctuation."""

import unicodedata

# Letters that Unicode does not decompose, as people without them on the keyboard write them.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ə": "e"}
)
_APOSTROPHES = str.maketrans("", "", "'`\u2018\u2019\u02bb\u02bc")


def fold(text: str) -> str:
    """`São Paulo` and `sao-paulo` alike become `sao paulo`; O'Hare becomes `ohare`."""
    plain = text.casefold().translate(_APOSTROPHES).translate(_LETTERS)
    letters = (c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())
