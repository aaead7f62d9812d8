from pathlib import Path

import pytest

from bench import engines, measure, systems
from bench.engines import ENGINES
from bench.measure import Sample
from bench.systems import Place, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage()
    systems.suite(stage, Place(tmp_path, None))
    return stage


def test_what_cannot_be_measured_is_left_out_with_its_reason(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    said: list[str] = []
    engines.engines(stage, None, shared=False, say=said.append)
    assert [each.name for each in stage.systems] == ["suite"]
    assert [line.partition(" is left out: ")[0] for line in said] == list(ENGINES)
    assert "procrastinate is left out: no PostgreSQL" in said


def test_engines_are_not_counted(stage: Stage) -> None:
    engines._celery(stage, "/usr/bin/redis-server", shared=False)
    assert {each.name for each in engines.without(stage).systems} == {"suite"}
    assert not [each.name for each in engines.without(stage).services if "celery" in each.name]


def test_celery_worker_and_redis_are_part_of_what_it_costs(stage: Stage) -> None:
    engines._celery(stage, "/usr/bin/redis-server", shared=False)
    celery = stage.systems[-1]
    cpu = dict.fromkeys(celery.parts.values(), 1.0)
    sample = Sample("celery", 8, 1, 0, 1.0, 1.0, 1.0, 1.0, cpu)
    assert (sample.total, sample.store) == (5.0, 3.0)


def test_server_is_not_asked_about_a_system_that_does_not_use_it(stage: Stage) -> None:
    class Unused:
        @property
        def pid(self) -> int:
            raise AssertionError("asked")

    class Running:
        def pid(self, name: str) -> None:
            return None

    assert measure.cpu_by_part(Running(), stage.systems[0], Unused()) == {}  # type: ignore[arg-type]
