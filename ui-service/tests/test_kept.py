from ui.backend_client import ServiceTrouble
from ui.kept import Kept


class Service:
    """Answers with the number of the call, unless it is away."""

    def __init__(self) -> None:
        self.calls, self.away = 0, False

    def read(self) -> int:
        self.calls += 1
        if self.away:
            raise ServiceTrouble("backend", "away")
        return self.calls


def test_answer_is_kept_for_its_time() -> None:
    service = Service()
    kept = Kept(service.read, seconds=60)
    assert (kept.get(), kept.get(), service.calls) == (1, 1, 1)


def test_last_answer_stays_while_the_service_is_away() -> None:
    service = Service()
    kept = Kept(service.read, seconds=0)
    assert kept.get() == 1
    service.away = True
    assert (kept.get(), kept.get()) == (1, 1)
    assert service.calls == 2, "one that is away is not asked again at once"


def test_without_any_answer_there_is_nothing() -> None:
    service = Service()
    service.away = True
    assert Kept(service.read, seconds=60).get() is None
