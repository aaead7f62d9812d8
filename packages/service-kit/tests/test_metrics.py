"""Metrics of several processes that share a folder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COUNTS = """
import sys
from prometheus_client import Gauge
from service_kit.metrics import REQUEST_SECONDS
REQUEST_SECONDS.labels("GET", "r", "200").observe(float(sys.argv[1]))
Gauge("state", "?", multiprocess_mode="livemax").set(1)
"""
TELLS = "from service_kit.metrics import exposition; print(exposition().decode())"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    def python(code: str, *words: str) -> str:
        environment = os.environ | {
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        command = [sys.executable, "-c", code, *words]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
        return ran.stdout

    return python


def test_requests_are_counted_over_all_processes_and_outlive_them(run: Callable[..., str]) -> None:
    run(COUNTS, "1")
    run(COUNTS, "2")
    text = run(TELLS)
    labels = '{method="GET",route="r",status="200"}'
    assert f"http_request_seconds_count{labels} 2.0" in text
    assert f"http_request_seconds_sum{labels} 3.0" in text


def test_how_a_process_stood_is_forgotten_when_it_is_dead(run: Callable[..., str]) -> None:
    run(COUNTS, "1")
    assert "state 1.0" not in run(TELLS)
