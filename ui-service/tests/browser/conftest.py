"""What the browser's tests share: one set of real services, and a browser for each module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts.chromium import ARGUMENTS, chromium
from tests.browser.travel import DONE_MS, Open
from tests.suite import Suite

# A machine that is busy with other things answers late, and neither page nor test may give up then.
PATIENCE = {"PAGE_SECONDS": "20", "OPTIONAL_SECONDS": "20"}


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    running = Suite(tmp_path_factory.mktemp("suite"), **PATIENCE)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def suite(services: Suite) -> Iterator[Suite]:
    yield services
    services.settle()


# Not for the session: while Playwright runs, Django takes each test for asynchronous code.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=DONE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, suite: Suite) -> Iterator[Open]:
    """Opens a page in a context of its own, with the options of `Browser.new_context`."""
    contexts = []

    def opened(**options: object) -> Page:
        window = {"base_url": suite.url(), "viewport": {"width": 1280, "height": 900}}
        context = browser.new_context(**window | options)  # type: ignore[arg-type]
        context.set_default_timeout(DONE_MS)
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Open) -> Iterator[Page]:
    """A page on which any message of the policy or error of a script fails the test."""
    opened, trouble = open_page(), []
    opened.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    yield opened
    assert [each for each in trouble if "status of 422" not in each] == []
