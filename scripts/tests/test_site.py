"""The browser of the trials: one page of a payment is one booking, however often it is tried."""

import pytest
import responses

from scripts.site import Site, SiteError

ADDRESS = "http://site.test"
PAY = "/book/draft/pay/"
TRIP = {"Location": "/trips/ABC234/"}


@responses.activate
def test_payment_that_was_made_before_its_answer_was_lost_is_not_made_again() -> None:
    responses.get(ADDRESS + PAY, status=302, headers=TRIP)
    assert Site(ADDRESS).pay(PAY) == "ABC234"
    assert [call.request.method for call in responses.calls] == ["GET"]


@responses.activate
def test_payment_is_sent_with_the_fields_of_its_page() -> None:
    responses.get(ADDRESS + PAY, body='<input type="hidden" name="attempt" value="1&amp;2">')
    responses.post(ADDRESS + PAY, status=302, headers=TRIP)
    assert Site(ADDRESS).pay(PAY) == "ABC234"
    assert responses.calls[-1].request.body == "attempt=1%262&card_token=tok_ok"


@responses.activate
def test_service_that_is_away_is_an_error_that_can_be_tried_again() -> None:
    responses.get(ADDRESS + PAY, status=503)
    with pytest.raises(SiteError, match="503"):
        Site(ADDRESS, patience=0).pay(PAY)


@responses.activate
def test_page_that_says_to_try_again_is_asked_for_again() -> None:
    """As the first one after a database was killed."""
    responses.get(ADDRESS + PAY, status=503)
    responses.get(ADDRESS + PAY, status=302, headers=TRIP)
    assert Site(ADDRESS).pay(PAY) == "ABC234"
