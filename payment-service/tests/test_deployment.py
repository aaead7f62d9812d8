import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from service_kit.testing.deployed import Deployment, manage, own_secrets


class TestPaymentDeployment(Deployment):
    """Outside demo mode."""

    needed = {"PAYMENT_GATEWAY": "simulated"}

    @pytest.mark.parametrize("named", ["", "paypal"])
    def test_start_without_a_gateway_that_is_served_is_refused(self, named: str, tmp_path: Path) -> None:
        done = manage(tmp_path, "check", PAYMENT_GATEWAY=named)
        assert done.returncode != 0
        assert done.stderr == (
            "Outside demo mode the payment gateway has to be named: "
            "set PAYMENT_GATEWAY=simulated or PAYMENT_GATEWAY=stripe.\n"
        )

    def test_start_with_stripe_needs_its_key(self, tmp_path: Path) -> None:
        done = manage(tmp_path, "check", PAYMENT_GATEWAY="stripe")
        assert done.returncode != 0
        assert done.stderr.startswith("STRIPE_SECRET_KEY or STRIPE_SECRET_KEY_FILE is required")
        given = {"PAYMENT_GATEWAY": "stripe", "STRIPE_SECRET_KEY": f"sk_live_{secrets.token_urlsafe(48)}"}
        assert manage(tmp_path, "check", **given).returncode == 0

    @pytest.mark.parametrize(("demo_mode", "times"), [("0", 1), ("1", 0)])
    def test_every_start_warns_of_the_simulated_gateway(
        self, demo_mode: str, times: int, tmp_path: Path
    ) -> None:
        """In demo mode the warning of demo mode says it."""
        given = {**own_secrets(), **self.needed}
        started = subprocess.run(
            [sys.executable, "-c", "import payment.wsgi"],
            env={**os.environ, **given, "DEMO_MODE": demo_mode, "DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert started.stderr.count("simulated_payment_gateway") == times
        assert started.stderr.count('"demo_mode"') == 1 - times
