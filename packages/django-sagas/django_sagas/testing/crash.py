"""A pytest class that crashes a saga of its user's at every commit and call.

    class TestPlaceOrder(CrashTest):
        saga = PlaceOrder
        stories = [
            Story("paid", {"sku": "tea", "card": "tok_ok"}),
            Story("declined", {"sku": "tea", "card": "tok_declined"}, ends="COMPENSATED"),
        ]

        def invariants(self, ending: Ending) -> None:
            assert Parcel.objects.count() == int(ending.completed)

Without `--saga-crash` each story is run once, and nothing goes wrong.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, ClassVar

import pytest
from django.db import connections
from django_sagas_pytest import PROPERTY

from django_sagas.definitions import Saga
from django_sagas.orchestrator import Orchestrator
from django_sagas.outcomes import Done, Refused
from django_sagas.testing.explorer import Explorer, Wanted
from django_sagas.testing.participants import Participant, chosen_for
from django_sagas.testing.story import Ending, Story


class CrashTest:
    """Subclass it; its name begins with Test. Fixtures prepare the database, which every run finds alike."""

    saga: ClassVar[type[Saga]]
    stories: ClassVar[Sequence[Story]]

    # What a subclass may override.

    def begin(self, story: Story, orchestrator: Orchestrator) -> object:
        """Start the saga, as the project's own code does: with `start`, or `accept` in a transaction."""
        saga = self.saga.new(
            story.data,
            correlation_id=orchestrator.new_id(),
            now=orchestrator.now(),
            subject=story.subject,
            secrets=story.secrets,
        )
        return orchestrator.start(saga, deadline=None)

    def act(self, step: str, data: Mapping[str, Any], story: Story) -> Done | Refused:
        """What a fake participant makes of a step's data."""
        return Done({})

    def participant(self, name: str, story: Story) -> Participant:
        """Who answers in a run: the project's own step views if it has them, else a fake."""

        def act(step: str, data: Mapping[str, Any]) -> Done | Refused:
            code = story.refuses.get(step)
            return Refused(code, "As the story says.") if code else self.act(step, data, story)

        return chosen_for(name, act)

    def always(self) -> None:
        """Assert what holds at any time, also while a saga is open."""

    def invariants(self, ending: Ending) -> None:
        """Assert what holds when everything has ended: over the tables of the project and `ending`."""
        raise NotImplementedError  # A crash test that asserts nothing would prove nothing.

    # The test

    def test_story(
        self,
        saga_story: Story,
        request: pytest.FixtureRequest,
        transactional_db: None,
        record_property: Callable[[str, object], None],
    ) -> None:
        explorer = Explorer(self, saga_story, Wanted.by(request.config), _databases(request.node))
        with _quiet(request.config):
            report = explorer.explore()
        record_property(PROPERTY, report.figures)
        if report.failed:
            explorer.run(*report.shortest.points)  # Again, for its log.
            pytest.fail(report.text(request.node.nodeid), pytrace=False)


@contextmanager
def _quiet(config: pytest.Config) -> Iterator[None]:
    """Without the output of hundreds of runs; with -s it is shown."""
    if config.getoption("capture") == "no":
        yield
        return
    before = logging.root.manager.disable
    logging.disable()
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(before)


def _databases(node: pytest.Item) -> Collection[str]:
    """The databases that the test may use."""
    marker = node.get_closest_marker("django_db")
    chosen: Collection[str] | str | None = marker.kwargs.get("databases") if marker else None
    return list(connections) if chosen == "__all__" else chosen or ("default",)
