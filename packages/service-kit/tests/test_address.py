import pytest
from django.test import RequestFactory
from pytest_django import Settings
from service_kit.address import address_of


def told(remote: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return address_of(RequestFactory(headers=headers).get("/", REMOTE_ADDR=remote))


def test_without_proxies_what_the_caller_says_of_itself_is_ignored() -> None:
    assert told("192.0.2.1", "198.51.100.7") == "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        (2, "1.1.1.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        (1, None, "10.0.0.1"),
        (2, "198.51.100.7", "10.0.0.1"),
        (1, "198.51.100.7, <script>", "unknown"),
    ],
)
def test_behind_proxies_it_is_what_the_outermost_of_them_saw(
    settings: Settings, proxies: int, forwarded: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert told("10.0.0.1", forwarded) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("198.51.100.7:5678", "198.51.100.7"),
        ("[2001:db8:1:2::7]:80", "2001:db8:1:2::"),
        ("[2001:db8:1:2::7]", "2001:db8:1:2::"),
        ('"[2001:db8:1:2::7]:80"', "2001:db8:1:2::"),
        ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
        ("[::1]:80", "::"),
        ("fe80::1%eth0", "fe80::"),
        *[
            (garbage, "unknown")
            for garbage in ("", "-", "unknown", "1.2.3.4:x", "[1.2.3.4", "[]:80", "a" * 9999)
        ],
        *[(garbage, "unknown") for garbage in ("999.1.1.1:80", "1.2.3:80", "_hidden", "1.2.3.4:5:6")],
    ],
)
def test_an_entry_with_a_port_is_the_address_and_garbage_is_unknown(
    settings: Settings, entry: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = 1
    assert told("10.0.0.1", f"1.1.1.1, {entry}") == expected


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "unknown"),
    ],
)
def test_of_ipv6_the_network_counts(remote: str, expected: str) -> None:
    assert told(remote) == expected
