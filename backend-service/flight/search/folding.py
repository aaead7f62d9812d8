"""Text as a traveller types it: without accents, case and punctuation."""

import unicodedata

# Letters that Unicode does not decompose, in their usual transliteration.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ə": "e"}
)
# Replaced first: Unicode decomposes some of them into a space and an accent, and counts others as letters.
_APOSTROPHES = str.maketrans(
    "",
    "",
    "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u055a\u05f3\u2018\u2019\u201a\u201b"
    "\u2032\u2035\ua78b\ua78c\uff07\uff40",
)


def fold(text: str) -> str:
    """`São Paulo` and `sao-paulo` alike become `sao paulo`; O'Hare becomes `ohare`."""
    plain = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold().translate(_LETTERS)
    letters = (c for c in unicodedata.normalize("NFKD", plain) if _is_kept(c))
    return " ".join("".join(c if _is_of_a_word(c) else " " for c in letters).split())


def same_name(one: str, other: str) -> bool:
    """Whether two spellings are the same name. Text without letters is compared unchanged."""
    return (fold(one) or _plain(one)) == (fold(other) or _plain(other))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _is_kept(character: str) -> bool:
    """No accent and no invisible character, such as a soft hyphen."""
    return not unicodedata.combining(character) and unicodedata.category(character) != "Cf"


def _is_of_a_word(character: str) -> bool:
    """A letter or a digit, or a sign that belongs to one, such as the vowels of Devanagari."""
    return character.isalnum() or unicodedata.category(character) in ("Mn", "Mc")
