"""Errors that are answered as application/problem+json (RFC 9457)."""

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """An answer other than the success form. `errors` names each bad field."""

    refusal = ""
    "why access was refused, for the audit trail, if the answer does not say"

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        correlation_id: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers = errors, headers or {}
        self.correlation_id, self.extra = correlation_id, extra

    def body(self, **more: Any) -> dict[str, Any]:
        """The JSON object; `more` comes behind its type."""
        body = {
            "type": "about:blank",
            **more,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.correlation_id:
            body["correlation_id"] = self.correlation_id
        if self.errors:
            body["errors"] = dict(self.errors)
        return body | self.extra


def try_again(detail: str, *, seconds: int = 1, code: str = "TRY_AGAIN") -> Problem:
    """503: the outcome is unknown to the service; nothing is stored and the call is safe to repeat."""
    return Problem(503, code, detail, headers={"Retry-After": str(seconds)})


def invalid(errors: Mapping[str, str], correlation_id: str | None = None) -> Problem:
    """400: names each bad field."""
    detail = "; ".join(f"{name}: {message}" for name, message in errors.items())
    return Problem(400, "INVALID", detail, errors=errors, correlation_id=correlation_id)
