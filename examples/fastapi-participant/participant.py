"""A participant of a saga in FastAPI: ReserveRoom and CancelRoom, with their records in SQLite.

Run: python participant.py [PORT] [FILE]. The database is FILE.
With VERIFYING_KEYS_FILE, a JSON Web Key set, it takes only calls that carry the backend's token.
"""

import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

ROOMS = 1000
AUDIENCE, ISSUER = "hotel", "backend"
LEEWAY_SECONDS = 10
BUSY_SECONDS = 2
FILE = sys.argv[2] if len(sys.argv) > 2 else "hotel.sqlite3"
KEYS_FILE = os.environ.get("VERIFYING_KEYS_FILE", "")
KEYS = {
    jwk["kid"]: jwt.PyJWK(jwk, algorithm="EdDSA").key
    for jwk in (json.loads(Path(KEYS_FILE).read_text())["keys"] if KEYS_FILE else ())
    if jwk["iss"] == ISSUER
}

# The unique key makes the first call decide. `print` is of the fields that were used; a tombstone has none.
TABLE = """
CREATE TABLE IF NOT EXISTS record (
    correlation_id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('DONE', 'REFUSED', 'UNDONE')),
    print TEXT,
    rooms INTEGER NOT NULL,
    answer TEXT,
    undone TEXT
) STRICT
"""


class Problem(Exception):
    def __init__(self, status: int, code: str, detail: str, cid: str = "", **headers: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.cid, self.headers = status, code, cid, headers


class Strict(BaseModel):
    """Ignores unknown fields, and turns no text into a number."""

    model_config = ConfigDict(strict=True)


class Rooms(Strict):
    rooms: int = Field(ge=1, le=2**31)


class Compensation(Strict):
    correlation_id: str = Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")


class Action(Compensation):
    data: Rooms


def connect() -> sqlite3.Connection:
    """Each statement is durable by itself, outside BEGIN and COMMIT."""
    database = sqlite3.connect(FILE, timeout=BUSY_SECONDS, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    return database


def decide(work: Callable[[sqlite3.Connection], tuple[str, bool]]) -> Response:
    """`work` in one transaction: the effect, the record and the answer are kept together, or none of them."""
    with closing(connect()) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
            answer, replayed = work(database)
            database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Problem(503, "BUSY", "The database is busy.", **{"Retry-After": "1"}) from error
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return Response(answer, media_type="application/json", headers=headers)


def reserve(database: sqlite3.Connection, cid: str, rooms: int) -> tuple[str, bool]:
    used = hashlib.sha256(json.dumps({"rooms": rooms}).encode()).hexdigest()
    found = database.execute("SELECT state, print, answer FROM record WHERE correlation_id = ?", [cid])
    if record := found.fetchone():
        state, first, answer = record
        if state == "UNDONE":
            raise Problem(409, "ALREADY_COMPENSATED", "It was cancelled before.", cid)
        if first != used:
            raise Problem(422, "DIFFERENT_REQUEST", "It came with other fields.", cid)
        return answer, True
    (taken,) = database.execute("SELECT COALESCE(SUM(rooms), 0) FROM record WHERE state = 'DONE'").fetchone()
    if rooms <= ROOMS - taken:
        state, answer = "DONE", json.dumps({"success": True, "correlation_id": cid, "rooms": rooms})
    else:
        no = {"error": "There is no room left.", "error_code": "ROOM_UNAVAILABLE"}
        state, answer = "REFUSED", json.dumps({"success": False, "correlation_id": cid, **no})
    values = [cid, state, used, rooms, answer]
    database.execute(
        "INSERT INTO record (correlation_id, state, print, rooms, answer) VALUES (?, ?, ?, ?, ?)", values
    )
    return answer, False


def cancel(database: sqlite3.Connection, cid: str) -> tuple[str, bool]:
    found = database.execute("SELECT state, rooms, undone FROM record WHERE correlation_id = ?", [cid])
    state, rooms, undone = found.fetchone() or ("", 0, "")
    if state == "UNDONE":
        return undone, True
    nothing = {"success": True, "correlation_id": cid, "message": "There was no room to cancel."}
    if state == "REFUSED":
        return json.dumps(nothing), False
    if state == "DONE":
        undone = json.dumps({"success": True, "correlation_id": cid, "rooms_given_back": rooms})
        change = "UPDATE record SET state = 'UNDONE', undone = ? WHERE correlation_id = ?"
        database.execute(change, [undone, cid])
    else:
        # A tombstone: the action that may still come is refused.
        undone = json.dumps(nothing)
        tombstone = "INSERT INTO record (correlation_id, state, rooms, undone) VALUES (?, 'UNDONE', 0, ?)"
        database.execute(tombstone, [cid, undone])
    return undone, False


def may_call(request: Request) -> bool:
    """Without keys (demo mode) everybody may."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return not KEYS_FILE or (scheme.lower() == "bearer" and is_genuine(token))


def is_genuine(token: str) -> bool:
    """A JSON Web Token of the backend, signed with Ed25519 and meant for this service."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token,
            KEYS[header["kid"]],
            algorithms=["EdDSA"],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]},
        )
    except (jwt.InvalidTokenError, KeyError):
        return False
    return bool(header.get("typ") == "service+jwt" and claims["sub"] == ISSUER)


def is_json(request: Request) -> None:
    if request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "application/json only.")


app = FastAPI(title="Hotel", dependencies=[Depends(is_json)])


@app.post("/api/saga/reserve-room/")
def reserve_room(body: Action) -> Response:
    return decide(lambda database: reserve(database, body.correlation_id, body.data.rooms))


@app.post("/api/saga/cancel-room/")
def cancel_room(body: Compensation) -> Response:
    return decide(lambda database: cancel(database, body.correlation_id))


@app.middleware("http")
async def enter(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Asks for the credential before the body is read, and sends the id of the trace back."""
    if may_call(request):
        response = await answer(request)
    else:
        challenge = {"WWW-Authenticate": "Bearer"}
        response = problem(401, "NOT_AUTHENTICATED", "A valid credential is needed.", challenge)
    if traced := request.headers.get("X-Correlation-ID"):
        response.headers["X-Correlation-ID"] = traced
    return response


def problem(status: int, code: str, detail: str, headers: Any = None, **more: Any) -> Response:
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail, **more}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


@app.exception_handler(Problem)
def on_problem(request: Request, error: Problem) -> Response:
    named = {"correlation_id": error.cid} if error.cid else {}
    return problem(error.status, error.code, str(error), error.headers, **named)


@app.exception_handler(RequestValidationError)
def on_invalid(request: Request, error: RequestValidationError) -> Response:
    """FastAPI answers 422, which in a saga is another request under the same id."""
    errors = {".".join(map(str, each["loc"][1:])) or "body": each["msg"] for each in error.errors()}
    return problem(400, "INVALID", "The request is not valid.", errors=errors)


@app.exception_handler(HTTPException)
def on_http(request: Request, error: HTTPException) -> Response:
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "INVALID")
    return problem(error.status_code, code, str(error.detail), error.headers)


if __name__ == "__main__":
    with closing(connect()) as database:
        database.execute(TABLE)
    uvicorn.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 9000, log_level="warning")
