"""The hostile corpus on every page: as address, query, form and header, whatever the other services know."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client
from service_kit.limits import MAX_BODY_BYTES
from service_kit.testing.hostile import TEXTS

from tests.desk import Desk
from tests.routes import ROUTES, address
from ui import throttle
from ui.account.forms import ProfileForm, RegisterForm
from ui.booking.forms import ContactForm, PassengerForm, PaymentForm
from ui.models import User
from ui.search.forms import SearchForm
from ui.trips.forms import FindTripForm

# What any page reads of its query and of its form, so that a new name is covered by itself.
READ = re.compile(r"""(?:GET|POST|query)(?:\.get|\.getlist)?[\[(]"(\w+)\"""")
READ_IN = ("views.py", "*_views.py", "travel.py", "throttle.py")
FORMS = (SearchForm, PaymentForm, FindTripForm, ProfileForm, RegisterForm)


def names() -> list[str]:
    """Of every field that a page reads, found in the code itself."""
    folder = Path(throttle.__file__).parent
    sources = [path.read_text() for pattern in READ_IN for path in folder.rglob(pattern)]
    read = {name for text in sources for name in READ.findall(text)}
    fields = {name for form in FORMS for name in form.base_fields}
    people = {f"p0-{name}" for name in PassengerForm.base_fields} | set(ContactForm.base_fields)
    return sorted(read | fields | people | {"username", "seats1", "flight", "cursor"})


@pytest.fixture
def away(desk: Desk) -> Desk:
    """The other services know nothing of what is asked."""
    desk.knows_nothing()
    return desk


def test_names_of_the_pages_fields_are_found() -> None:
    found = names()
    assert {"reference", "surname", "card_token", "reason", "evidence", "find", "p0-first_name"} <= set(found)


def accounts() -> list[tuple[object, ...]]:
    """Without the e-mail, which its owner may leave empty."""
    return list(User.objects.values_list("username", "password", "role", "traveller_id"))


@pytest.mark.parametrize("route", ROUTES)
def test_hostile_texts_are_an_answer_on_every_page_and_make_nobody(
    route: str, client: Client, away: Desk, traveller: User
) -> None:
    client.force_login(traveller)
    before = accounts()
    for case, text in TEXTS.items():
        for value in {text, "1"} if "<" in route else {"1"}:
            fields = {name: text.encode("utf-8", "surrogatepass") for name in names()}
            page = address(route, value)
            seen = client.get(f"{page}?{urlencode(fields)}")
            assert seen.status_code in (200, 204, 302, 400, 404, 405, 422), (case, seen.status_code)
            form = urlencode(fields)
            sent = client.post(page, form, "application/x-www-form-urlencoded")
            # A page that turns back before it reads the form does not notice how long it is.
            too_large = (413,) if len(form) > MAX_BODY_BYTES else ()
            answers = (200, 302, 400, 403, 404, 405, 422, *too_large)
            assert sent.status_code in answers, (case, sent.status_code)
            assert "Traceback" not in sent.content.decode(errors="replace")
    assert accounts() == before
