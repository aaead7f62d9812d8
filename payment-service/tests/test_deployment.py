from service_kit.testing.deployed import Deployment


class TestPaymentDeployment(Deployment):
    """Outside demo mode."""
