"""A picture shows each step, where it runs, what undoes it and how far that goes."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django_sagas import local, remote
from django_sagas.picture import draw

from tests.toy.steps import does, far, near
from tests.world import define

PICTURE = """\
                              COMPENSATED
          ▼                     ▲
 shop   Hold                  UndoHold
          ▼                     ▲
 bank   Charge (some sagas)   Refund
          ▼                     ▲
 post   Decide (pivot)        UndoDecide
          ▼
 shop   Send (retriable)
          ▼
        COMPLETED
"""


def test_every_kind_of_step_is_drawn() -> None:
    saga = define(
        near("Hold"),
        remote("Charge", undo="Refund", at="bank", when=lambda data: "cents" in data),
        far("Decide", pivot=True, at="post"),
        local("Send", run=does("Send"), retriable=True),
    )
    assert draw(saga, here="shop") == PICTURE


def test_without_a_compensation_nothing_leads_back() -> None:
    assert draw(define(local("Send", run=does("Send"), retriable=True)), here="here") == (
        "          ▼\n here   Send (retriable)\n          ▼\n        COMPLETED\n"
    )


def test_a_page_that_marks_no_saga_of_this_release_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- saga: nothing -->\n```\n```\n")
    with pytest.raises(CommandError, match=r"page\.md marks a saga that is not defined: 'nothing'\."):
        call_command("sagas_picture", page)
    assert page.read_text() == "<!-- saga: nothing -->\n```\n```\n"
