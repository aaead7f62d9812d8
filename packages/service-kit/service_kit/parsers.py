"""REST framework's parsers for strict JSON. They refuse a body before anything is stored."""

from collections.abc import Mapping
from typing import IO, Any

from django.utils.http import parse_header_parameters
from gunicorn.http.errors import ParseException  # what its body reader raises; nothing wraps it
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from service_kit import rules, strict_json
from service_kit.limits import MAX_BODY_BYTES
from service_kit.problems import Problem

JSON = "application/json"
FORMS = {"multipart/form-data": b"name=", "application/x-www-form-urlencoded": b"="}
"What is in a form that has a field."
CHARSETS = ("utf-8", "utf8", "us-ascii")


class BodyRequest(Request):
    """REST framework parses a body only if its length is known and above 0; here the parser judges each."""

    @property
    def stream(self) -> Any:
        """A chunked body has no length; the server ends it and says so."""
        chunked = not self.META.get("CONTENT_LENGTH") and self.META.get("wsgi.input_terminated")
        return self.META["wsgi.input"] if chunked else self


class StrictJsonParser(BaseParser):
    """The body's JSON object. Raises 413, 415 or 400."""

    media_type = JSON
    optional = False
    "Whether no body is an empty object."
    empty_forms = False
    "Whether a form without a field counts as no body."

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        assert media_type is not None and parser_context is not None
        meta = parser_context["request"].META
        kind, parameters = (media_type, {}) if media_type == JSON else parse_header_parameters(media_type)
        if self.optional and not _was_sent(meta):
            return {}
        _check_size(meta.get("CONTENT_LENGTH") or "0")
        _check_encoding(meta.get("HTTP_CONTENT_ENCODING", "identity"))
        if self.empty_forms and kind in FORMS and FORMS[kind] not in _read(stream):
            return {}
        _check_type(kind, parameters.get("charset", "utf-8"))
        return _loads(_read(stream))


class OptionalJsonParser(StrictJsonParser):
    optional = True


class JsonOrFormParser(OptionalJsonParser):
    """An empty form counts as no body: clients send one if they have none. Its fields would be ignored."""

    empty_forms = True


def _was_sent(meta: Mapping[str, Any]) -> bool:
    return bool(meta.get("HTTP_TRANSFER_ENCODING")) or meta.get("CONTENT_LENGTH") not in (None, "", "0")


def _check_size(length: str) -> None:
    if not length.isascii() or not length.isdigit():
        raise Problem(400, "BAD_REQUEST", "Content-Length must be a number.")
    if len(length) > 18 or int(length) > MAX_BODY_BYTES:
        raise _too_large()


def _check_encoding(encoding: str) -> None:
    if encoding.lower() != "identity":
        plain = {"Accept-Encoding": "identity"}
        raise Problem(415, "UNSUPPORTED_ENCODING", "Send the body as it is, not packed.", headers=plain)


def _check_type(kind: str, charset: str) -> None:
    if kind != JSON:
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "Send Content-Type: application/json.")
    if charset.lower() not in CHARSETS:
        raise Problem(400, "UNSUPPORTED_CHARSET", "The body must be UTF-8.")


def _read(stream: IO[bytes]) -> bytes:
    """Reads up to the limit, which a chunked body may exceed."""
    try:
        return stream.read(MAX_BODY_BYTES + 1)
    except (OSError, ParseException) as error:
        # The caller disconnected, or the chunks are malformed.
        raise Problem(400, "BAD_REQUEST", "The body could not be read to its end.") from error


def _loads(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        return strict_json.loads(body)
    except strict_json.InvalidJson as error:
        raise _invalid(error) from error


def _invalid(error: strict_json.InvalidJson) -> Problem:
    cid = rules.readable_id(error.document)
    return Problem(400, "INVALID_JSON", str(error), errors=error.errors, correlation_id=cid)


def _too_large() -> Problem:
    return Problem(413, "BODY_TOO_LARGE", f"The body is over {MAX_BODY_BYTES} bytes.")
