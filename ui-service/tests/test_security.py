"""What a browser and an attacker meet: policy, escaping, cookies, forms, errors."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.buying import form_of
from tests.desk import LOYALTY, PAYMENT, SAGA, Desk, airport, audit_row, booking, event, flight, saga
from ui.asgi import application
from ui.models import User

XSS = "<script>alert(1)</script>"
ATTRIBUTE = "\"><img src=x onerror=alert(1)>{{ 7 }}'"
NAME = "p0-first_name"


def hostile_world(desk: Desk, text: str) -> None:
    """Every text that another service may tell is hostile."""
    place = {**airport("DFW", text), "name": text, "region": text}
    seen = flight(origin=place, destination={**place, "code": "ORD"}, aircraft_name=text, flight_number="ZZ1")
    desk.sells(seen)
    desk.answers("/api/places/search/", {"results": [place]})
    ticket = {
        "ticket_number": text,
        "first_name": text,
        "last_name": text,
        "seat_number": "7A",
        "seat_class": "economy",
    }
    contact = {"email": text, "mobile": text}
    desk.answers("/api/bookings/ABC234/", booking(flight=seen, tickets=[ticket], contact_info=contact))
    stuck = saga(
        "COMPENSATING",
        "DONE UNDOING REFUSED PENDING",
        needs_attention=True,
        attention_reason=text,
        owner=text,
    )
    stuck["user_id"], stuck["reason"], stuck["steps"][1]["error"] = text, text, text
    desk.tells(stuck, [event(1, "SAGA_STEP_FAILED", step=text, error=text)])
    incident = {"reason": text, "count": 1, "sagas": [SAGA]}
    engine = {"name": text, "workers": [{"name": text}], "jobs_waiting": None}
    desk.lists(stuck, incidents=[incident], engine=engine)
    desk.audits(audit_row(**dict.fromkeys(("actor", "address", "action", "reason", "evidence"), text)))
    desk.answers(f"/api/payments/{SAGA}/", {"status": text, "authorization_id": text}, base=PAYMENT)
    entry = {"correlation_id": SAGA, "kind": text, "miles": 1, "created_at": "2026-11-23T02:00:00Z"}
    desk.answers("/api/loyalty/u-x/", {"balance": 1, "tier": text, "entries": [entry]}, base=LOYALTY)
    desk.answers(
        "/api/tickets/user/u-x/", {"results": [booking(flight=seen, tickets=[ticket])], "next": None}
    )
    desk.quotes_a_cancellation(currency=text)
    desk.lists_trips("u-x", booking(flight=seen, tickets=[ticket]))


PAGES = (
    "/places/?origin=d",
    "/flights/?origin=X+(DFW)&destination=X+(ORD)&depart=2099-12-07",
    "/book/seats/?flight=1&passengers=1",
    "/book/passengers/?flight=1&passengers=1",
    "/trips/",
    "/trips/ABC234/",
    "/trips/ABC234/ticket/",
    "/trips/ABC234/cancel/",
    "/miles/",
    f"/progress/{SAGA}/",
    "/console/",
    f"/console/{SAGA}/",
    f"/console/{SAGA}/part/",
    "/console/audit/",
    "/faults/",
)


@pytest.mark.parametrize("text", [XSS, ATTRIBUTE])
@pytest.mark.parametrize("page", PAGES)
def test_hostile_text_of_other_services_is_shown_as_text(
    client: Client, desk: Desk, traveller: User, page: str, text: str
) -> None:
    User.objects.filter(pk=traveller.pk).update(traveller_id="u-x")
    client.force_login(User.objects.get(pk=traveller.pk))
    hostile_world(desk, text)
    desk.answers("/api/loyalty/demo/", {"balance": 1, "entries": []}, base=LOYALTY)
    response = client.get(page)
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode() and "<img" not in response.content.decode()


@pytest.mark.parametrize("text", [XSS, ATTRIBUTE])
def test_hostile_text_of_a_visitor_is_shown_as_text(client: Client, desk: Desk, text: str) -> None:
    desk.sells().answers("/api/places/search/", {"results": []})
    query = {"origin": text, "destination": text, "depart": text, "cabin": text}
    pages = [
        client.get("/flights/", query),
        client.get("/places/", {"origin": text}),
        client.get("/", query),
        client.post("/book/passengers/?flight=1", {NAME: text, "p0-last_name": text, "email": text}),
        client.post("/trips/find/", {"reference": text, "surname": text}),
        client.post("/account/register/", {"username": text, "email": text}),
    ]
    for page in pages:
        assert "<script>alert" not in page.content.decode() and "<img" not in page.content.decode()


def test_hostile_name_is_kept_as_it_is_through_to_the_payment(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    data = {NAME: XSS, "p0-last_name": "‮Ωμέγα 🛫", "email": "a@example.com", "mobile": "12345"}
    page = client.post("/book/passengers/?flight=1", data)["Location"]
    client.post(page, form_of(client, page))
    (person,) = desk.body(desk.sent_to("/api/saga/start-booking/")[0])["passengers"]
    assert person["first_name"] == XSS


def test_policy_allows_nothing_inline(client: Client, desk: Desk) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in policy


def test_error_pages_have_the_policy_too(client: Client, desk: Desk) -> None:
    response = client.get("/nothing-here/")
    assert response.status_code == 404
    assert "default-src 'self'" in response["Content-Security-Policy"]


def test_templates_hold_no_inline_script_style_or_foreign_address() -> None:
    for path in Path("ui/templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text), path
        assert not re.search(r"(src|href)=[\"'](https?:)?//", text), path
        assert "|safe" not in text and "autoescape off" not in text, path


def test_htmx_may_neither_evaluate_nor_write_styles(client: Client, desk: Desk) -> None:
    text = client.get("/").content.decode()
    assert '"allowEval": false' in text and '"includeIndicatorStyles": false' in text


@pytest.mark.parametrize(("scheme", "status"), [("https", 200), ("http", 301), (None, 301)])
def test_behind_a_tls_proxy_only_what_came_by_http_is_sent_to_https(
    client: Client, desk: Desk, settings: Settings, scheme: str | None, status: int
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert client.get("/", headers={"X-Forwarded-Proto": scheme} if scheme else {}).status_code == status


def test_form_without_its_token_is_refused(desk: Desk) -> None:
    strict = Client(enforce_csrf_checks=True)
    for page in ("/account/login/", "/trips/ABC234/cancel/", "/faults/", f"/console/{SAGA}/act/", "/theme/"):
        assert strict.post(page, {}).status_code == 403
    assert desk.calls == []


def test_every_form_that_posts_carries_the_token() -> None:
    for path in Path("ui/templates").rglob("*.html"):
        for form in re.findall(r'<form[^>]*method="post"[^>]*>.{0,40}', path.read_text(), re.S):
            assert "{% csrf_token %}" in form, path


def test_answer_carries_the_correlation_id_and_no_sniffing(client: Client, desk: Desk) -> None:
    response = client.get("/", headers={"X-Correlation-ID": "abc-1"})
    assert response["X-Correlation-ID"] == "abc-1"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert client.get("/", headers={"X-Correlation-ID": "a\nb"})["X-Correlation-ID"] != "a\nb"


def test_services_hear_the_requests_id_and_our_credential(client: Client, desk: Desk) -> None:
    desk.answers("/api/places/search/", {"results": []})
    client.get("/places/?origin=x", headers={"X-Correlation-ID": "abc-1"})
    (call,) = desk.calls
    assert call.headers["X-Correlation-ID"] == "abc-1"
    assert call.headers["Authorization"].startswith("Bearer ")


def test_unexpected_error_is_a_page_without_a_trace(desk: Desk) -> None:
    desk.sells().answers("/api/flights/search/", {"results": [{"id": 1}]})
    client = Client(raise_request_exception=False)
    response = client.get("/flights/?origin=X+(DFW)&destination=X+(ORD)&depart=2099-12-07")
    assert response.status_code == 500
    assert "Something broke on our side" in response.content.decode()
    assert "Traceback" not in response.content.decode() and "KeyError" not in response.content.decode()


HALF_A_FIELD = b'--XX\r\nContent-Disposition: form-data; name="username"\r\n\r\nad'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (HALF_A_FIELD, "multipart/form-data; boundary=XX"),
        (HALF_A_FIELD[:20], "multipart/form-data; boundary=XX"),
        (HALF_A_FIELD, "multipart/form-data"),
        (b"username=a", "application/x-www-form-urlencoded; charset=utf-16"),
        (b"username=\xff&password=\xc3", "application/x-www-form-urlencoded"),
    ],
)
def test_form_that_is_cut_or_in_another_encoding_is_the_callers_fault(
    transactional_db: None, body: bytes, kind: str
) -> None:
    answer = Client(raise_request_exception=False).post("/account/login/", body, content_type=kind)
    assert answer.status_code in (400, 422)


def test_wrong_method_and_wrong_host_are_refused(client: Client, desk: Desk, settings: Settings) -> None:
    response = client.post("/flights/")
    assert response.status_code == 405 and "GET" in response["Allow"]
    settings.ALLOWED_HOSTS = ["example.com"]
    assert client.get("/").status_code == 400


@pytest.mark.parametrize("path", ["/theme/", f"/console/{SAGA}/act/"])
def test_place_to_return_to_that_is_no_path_is_ignored(client: Client, desk: Desk, path: str) -> None:
    desk.knows_nothing()
    response = client.post(path, {"next": "no such page", "theme": "dark", "action": "retry", "reason": "x"})
    assert response.status_code == 302 and response["Location"].startswith("/")


def test_api_errors_are_problems(client: Client, desk: Desk) -> None:
    response = client.get("/api/nothing/")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_health_and_metrics_answer(client: Client, desk: Desk) -> None:
    assert client.get("/api/health/").status_code == 200
    assert client.get("/api/health/ready/").json()["database"] == "ok"
    assert b"http_request_seconds" in client.get("/metrics").content


@pytest.mark.parametrize("path", ["/api/health/", "/api/health/ready/", "/metrics"])
def test_health_and_metrics_take_no_other_method(client: Client, desk: Desk, path: str) -> None:
    assert client.head(path).status_code == 200
    for method in ("post", "put", "patch", "delete", "options"):
        response = getattr(client, method)(path)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD"), method


@pytest.mark.parametrize(
    "path", ["/", "/api/health/", "/api/health/ready/", "/metrics", f"/api/saga/stream/{SAGA}/"]
)
def test_wrong_method_of_what_takes_no_form_is_405(desk: Desk, path: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    for method in ("POST", "PUT", "DELETE"):
        response = strict.generic(method, path)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD"), method
        if path.startswith("/api/"):
            assert response["Content-Type"] == "application/problem+json"
            assert response.json()["code"] == "METHOD_NOT_ALLOWED"


def test_websocket_is_refused() -> None:
    sent: list[str] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope: Any = {"type": "websocket", "path": "/", "headers": []}
    asyncio.run(application(scope, receive, send))
    assert sent == ["websocket.close"]


@pytest.mark.parametrize("told", [True, False])
def test_large_body_ends_where_it_becomes_too_large(told: bool) -> None:
    parts, sent = [b"x" * 50_000] * 200, list[tuple[int | None, int]]()

    async def receive() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": parts.pop(), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append((message.get("status"), len(parts)))

    length = [(b"content-length", b"10000000")] if told else []
    scope: Any = {"type": "http", "method": "POST", "path": "/", "query_string": b""}
    scope["headers"] = [(b"host", b"localhost"), *length]
    asyncio.run(application(scope, receive, send))
    status, left = sent[0]
    assert status == 405 and left > 100


def test_static_files_are_served_whole_and_versioned(client: Client, desk: Desk) -> None:
    text = client.get("/").content.decode()
    for address in set(re.findall(r'(?:href|src)="(/static/[^"#]+)', text)):
        response = client.get(address)
        assert response.status_code == 200 and not response.streaming, address
        assert "v=" in address and "missing" not in address
        assert response["Cache-Control"] == "max-age=31536000, public, immutable"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/", "private, no-cache"),
        ("/how-it-works/", "private, no-cache"),
        ("/trips/", "private, no-store"),
        ("/trips/ABC234/", "private, no-store"),
        ("/trips/find/", "private, no-store"),
        ("/miles/", "private, no-store"),
        ("/account/", "private, no-store"),
        ("/account/register/", "private, no-store"),
        (f"/progress/{SAGA}/", "private, no-store"),
        ("/no-such-page/", "private, no-store"),
    ],
)
def test_pages_of_a_person_are_kept_by_no_cache_and_no_browser(
    client: Client, desk: Desk, traveller: User, path: str, kept: str
) -> None:
    client.force_login(traveller)
    desk.knows_nothing()
    assert client.get(path)["Cache-Control"] == kept


@pytest.mark.parametrize("version", ["", "?v=0123456789"])
def test_static_file_of_another_version_is_not_kept_for_good(client: Client, version: str) -> None:
    response = client.get(f"/static/ui/app.css{version}")
    assert response.status_code == 200 and "immutable" not in response["Cache-Control"]


def test_fonts_of_the_style_sheet_are_kept_for_good_and_the_first_is_fetched_early(client: Client) -> None:
    style = client.get("/static/ui/app.css").content.decode()
    addresses = re.findall(r'url\("(fonts/[^"]*)"\)', style)
    assert len(addresses) == 2
    for address in addresses:
        assert "immutable" in client.get(f"/static/ui/{address}")["Cache-Control"], "a stale version"
    assert f'rel="preload" href="/static/ui/{addresses[0]}"' in client.get("/").content.decode()


def test_first_visit_takes_at_most_90_kilobytes(client: Client, desk: Desk) -> None:
    """Without the headers, and without the map, which needs another service: 10 KB together."""
    packed = {"Accept-Encoding": "gzip"}
    page = client.get("/").content.decode()
    parts = {*re.findall(r'"(/static/[^"#]+)', page), "/static/ui/land.svg"}
    assert len(parts) > 10
    sizes = [len(client.get(part, headers=packed).content) for part in ["/", *parts]]
    assert sum(sizes) < 80_000


@pytest.mark.parametrize("address", ["/", "/static/ui/app.css", "/static/ui/icons.svg"])
def test_pages_and_static_files_are_compressed_if_accepted(client: Client, address: str) -> None:
    plain = client.get(address)
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip" and "Accept-Encoding" in packed["Vary"]
    assert len(packed.content) < len(plain.content) / 2
    assert "Content-Encoding" not in plain
