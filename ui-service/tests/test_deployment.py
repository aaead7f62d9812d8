from service_kit.testing.deployed import Deployment


class TestUiDeployment(Deployment):
    """Outside demo mode."""
