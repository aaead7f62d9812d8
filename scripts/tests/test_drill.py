"""What the production drill asks of Prometheus, and which commands it takes from the runbooks."""

import json
import re
from typing import Any

import pytest
import responses

from scripts.drill import board, runbooks
from scripts.paths import ROOT

PROMETHEUS = "http://prometheus.test:9090"
QUERY = f"{PROMETHEUS}/api/v1/query"
SAGA = "7c0e0b1e-5c1f-4a44-9a76-1d0f6a3a8e11"


def answered(*values: str) -> dict[str, Any]:
    result = [{"metric": {}, "value": [0, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.mark.parametrize(
    ("values", "has_data"),
    [((), False), (("NaN",), False), (("0",), True), (("NaN", "0.5"), True)],
)
@responses.activate
def test_panel_has_data_with_a_number(values: tuple[str, ...], has_data: bool) -> None:
    responses.get(QUERY, json=answered(*values))
    assert board.has_data(PROMETHEUS, "max(sagas_open)") is has_data


@responses.activate
def test_panel_is_empty_if_one_of_its_expressions_is() -> None:
    panels = board.panels()
    title, expressions = panels.popitem()
    matcher = responses.matchers.query_param_matcher
    for expression in expressions:
        responses.get(QUERY, json=answered(), match=[matcher({"query": expression})])
    for others in panels.values():
        for expression in others:
            responses.get(QUERY, json=answered("1"), match=[matcher({"query": expression})])
    assert board.without_data(PROMETHEUS) == [title]


@responses.activate
def test_alarm_works_if_prometheus_evaluates_it() -> None:
    first, second, *_ = sorted(board.alarms_written())
    rules = [{"name": first, "health": "ok"}, {"name": second, "health": "err"}]
    responses.get(f"{PROMETHEUS}/api/v1/rules", json={"data": {"groups": [{"rules": rules}]}})
    assert board.alarms_working(PROMETHEUS) == {first}


def test_board_asks_the_data_source_that_is_provided() -> None:
    source = ROOT.joinpath("deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
    provided = set(re.findall(r"uid: (\w+)", source))
    told = json.loads(board.BOARD.read_text())["panels"]
    assert {panel["datasource"]["uid"] for panel in told} == provided


def test_every_command_of_the_runbooks_is_taken_but_those_that_need_a_stuck_saga() -> None:
    page = runbooks.PAGE.read_text()
    commands = list(runbooks.in_containers(SAGA))
    assert f"docker compose exec backend python manage.py sagas show {SAGA}" in commands
    assert "docker compose exec backend timeout 5 python manage.py run_recovery || true" in commands
    assert "docker compose exec backup /backup.sh now" in commands
    assert not [command for command in commands if not command.startswith("docker compose ")]
    written = {line.strip() for line in page.splitlines() if line.startswith("    ")}
    taken = {
        line.replace(SAGA, "ID") for line in commands for line in (line, line.partition("exec backend ")[2])
    }
    left = {line.split()[0] if "sagas re" not in line else "sagas re…" for line in written - taken}
    assert left == {"cd", "curl", "df", "sagas re…"}
