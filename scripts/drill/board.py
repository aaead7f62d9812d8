"""What Prometheus says to the board's and the alarms' expressions, as Grafana would ask for them."""

import json
from typing import Any

import requests
import yaml

from scripts.paths import ROOT

BOARD = ROOT / "deploy" / "grafana" / "dashboards" / "sagas.json"
ALARMS = ROOT / "deploy" / "prometheus" / "alerts.yml"


def panels() -> dict[str, list[str]]:
    """The expressions of each panel, by its title."""
    board = json.loads(BOARD.read_text())
    return {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in board["panels"]}


def without_data(prometheus: str) -> list[str]:
    """Titles of the panels that are empty now."""
    return [
        title
        for title, expressions in panels().items()
        if not all(has_data(prometheus, expression) for expression in expressions)
    ]


def has_data(prometheus: str, expression: str) -> bool:
    """NaN is what a quantile of nothing is, and is drawn as nothing."""
    found = _ask(prometheus, "query", query=expression)["result"]
    return any(series["value"][1] != "NaN" for series in found)


def alarms_written() -> set[str]:
    groups = yaml.safe_load(ALARMS.read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}


def alarms_working(prometheus: str) -> set[str]:
    """Those that Prometheus has loaded, and evaluates without an error."""
    groups = _ask(prometheus, "rules")["groups"]
    return {rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "ok"}


def _ask(prometheus: str, what: str, **query: str) -> Any:
    answer = requests.get(f"{prometheus}/api/v1/{what}", params=query, timeout=10)
    answer.raise_for_status()
    return answer.json()["data"]
