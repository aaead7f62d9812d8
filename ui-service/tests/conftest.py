"""What the tests of the pages share: a browser-like client, and the other services at the HTTP edge."""

from collections.abc import Iterator

import pytest
import responses
from django.test import Client
from pytest_django import Settings
from service_kit.testing.unguarded import django_db_setup  # noqa: F401  what is emptied between tests

from tests.desk import Desk
from ui.models import User
from ui.search import views as search_views


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = True
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
    settings.SECURE_SSL_REDIRECT = False
    settings.AT_ONCE_SECONDS = 0
    # Argon2 is meant to be slow.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    for kept in (search_views.network, search_views.prices):
        kept.forget()


@pytest.fixture
def desk(transactional_db: None) -> Iterator[Desk]:
    """The other services, answering as the contract says. No call may be made inside a transaction."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Desk(mock)


@pytest.fixture
def client(transactional_db: None) -> Client:
    return Client()


@pytest.fixture
def traveller(transactional_db: None) -> User:
    return User.objects.create_user(username="ada", email="ada@example.com", password="correct horse 9")
