"""What the metrics tell, and that the alarms and the board ask for nothing else."""

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from django_sagas.audit import auditor
from django_sagas.audit.auditor import Audited
from django_sagas.clock import utc_now
from django_sagas.metrics import SagaCollector
from django_sagas.overview import Totals
from django_sagas.publisher import publisher
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from service_kit import metrics
from service_kit.security import backups

from flight.sagas import AuthorizeAgain, BookTrip, ChangeTrip, SettleTrip
from tests.saga_world import Desk

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
LANGUAGE = {
    "max", "min", "sum", "by", "rate", "histogram_quantile", "absent", "or",
    "definition", "status", "failed_step", "step", "call", "outcome", "participant", "le", "job",
}  # fmt: skip
GROUPED, SELECTED = re.compile(r"by \(([^)]*)\)"), re.compile(r"(\w+)\{(\w+)=\"([^\"]*)\"\}")
BY_PROMETHEUS = {"job", "instance"}
LONGEST_ALARM = 60
Samples = Callable[[], dict[str, float]]


def alerts() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    board: dict[str, list[dict[str, Any]]] = json.loads(
        (DEPLOY / "grafana" / "dashboards" / "sagas.json").read_text()
    )
    return board["panels"]


def asked() -> list[str]:
    return [rule["expr"] for rule in alerts()] + [one["expr"] for each in panels() for one in each["targets"]]


def names_in(expression: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"", "", expression)
    return set(re.findall(r"[a-z_]{2,}", bare)) - LANGUAGE


@pytest.fixture
def samples() -> Samples:
    collector = SagaCollector(Totals())

    def read() -> dict[str, float]:
        return {
            " ".join([sample.name, *filter(None, sample.labels.values())]): sample.value
            for metric in collector.collect()
            for sample in metric.samples
        }

    return read


@pytest.fixture
def scraped(desk: Desk) -> list[Sample]:
    """Of a backend in which everything has happened that is counted."""
    desk.book()
    desk.book(simulate_confirmbooking_fail=True)
    publisher.flush()
    auditor.remember(Audited(), since=utc_now(), began=utc_now(), now=utc_now())
    backups.note(utc_now())
    text = desk.client.get("/metrics").content.decode()
    return [sample for each in text_string_to_metric_families(text) for sample in each.samples]


def test_alarms_and_board_ask_for_metrics_that_exist(scraped: list[Sample]) -> None:
    there = {sample.name for sample in scraped}
    for expression in asked():
        assert names_in(expression), expression
        assert names_in(expression) <= there | {"up"}, expression


def test_alarms_and_board_ask_for_labels_that_exist(scraped: list[Sample]) -> None:
    settings = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    values = {("up", "job", job["job_name"]) for job in settings["scrape_configs"]}
    values |= {(each.name, *pair) for each in scraped for pair in each.labels.items()}
    for expression in asked():
        there = {label for name, label, _ in values if name in names_in(expression)} | BY_PROMETHEUS
        for grouped in GROUPED.findall(expression):
            assert set(grouped.split(", ")) <= there, expression
        assert set(SELECTED.findall(expression)) <= values, expression


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_alarm_fires_within_a_minute(rule: dict[str, Any]) -> None:
    """After its threshold: one scrape, one evaluation, its `for` in whole evaluations."""
    pace = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["global"]
    scrape, evaluation = (int(pace[f"{name}_interval"].rstrip("s")) for name in ("scrape", "evaluation"))
    over = re.search(r"_seconds\) > (\d+)$", rule["expr"])
    waited = int(over[1]) if over else 0
    assert waited + scrape + evaluation + int(rule["for"].rstrip("s")) + evaluation <= LONGEST_ALARM


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_alarm_names_its_runbook(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (\w+)$", (DEPLOY.parent / page).read_text(encoding="utf-8"), re.M)
    assert rule["alert"] in headings and anchor == rule["alert"].lower()


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_alarm_says_nothing_of_an_address_that_it_may_not_have(rule: dict[str, Any]) -> None:
    """A service without a replica has none, and max() drops it."""
    told = re.sub(r"\{\{ with (\S+) \}\}.*?\{\{ end \}\}", "", " ".join(rule["annotations"].values()))
    kept = (
        {"job"}
        if rule["alert"] == "ServiceDown"
        else set().union(*map(str.split, GROUPED.findall(rule["expr"])))
    )
    assert set(re.findall(r"\$labels\.(\w+)", told)) <= kept


def test_sagas_are_counted_by_outcome_and_failed_step(desk: Desk, samples: Samples) -> None:
    desk.book()
    desk.book(simulate_awardmiles_fail=True)
    desk.book(simulate_awardmiles_fail=True)
    told = samples()
    assert told["sagas_started_total"] == 4  # A booking's settlement is one too.
    assert told["sagas_ended COMPLETED"] == 1
    assert told["sagas_ended COMPENSATED AwardMiles"] == 2
    assert told["sagas_ended COMPENSATED ConfirmBooking"] == 0


def test_a_cancelled_booking_is_counted_as_no_failed_step(desk: Desk, samples: Samples) -> None:
    reference = desk.book().json()["booking_reference"]
    desk.client.post(f"/api/bookings/{reference}/cancel/")
    told = samples()
    assert (told["sagas_ended COMPLETED"], told["sagas_ended COMPENSATED"]) == (0, 1)


def test_attempts_and_compensations_are_counted_by_step(desk: Desk) -> None:
    def count(event: str, step: str) -> float:
        for each in metrics.of_processes().collect():
            for sample in each.samples:
                if sample.name == "saga_events_total" and sample.labels == {
                    "event_type": event,
                    "step": step,
                }:
                    return sample.value
        return 0.0

    asked = [("SAGA_STEP_STARTED", "AwardMiles"), ("SAGA_COMPENSATION_STEP_STARTED", "AuthorizePayment")]
    before = [count(*each) for each in asked]
    desk.book(simulate_awardmiles_fail=True)
    publisher.flush()
    assert [count(*each) for each in asked] == [number + 1 for number in before]


def test_the_first_event_of_a_step_is_seen_as_a_rate() -> None:
    """Each counter is there before its first event."""
    kept = {
        (sample.labels["event_type"], sample.labels["step"])
        for each in metrics.of_processes().collect()
        for sample in each.samples
        if sample.name == "saga_events_total"
    }
    declared = (AuthorizeAgain, BookTrip, ChangeTrip, SettleTrip)
    steps = {step.name for saga in declared for step in saga.known_steps()}
    assert kept >= set(product(("SAGA_STEP_STARTED", "SAGA_COMPENSATION_STEP_STARTED"), steps))
