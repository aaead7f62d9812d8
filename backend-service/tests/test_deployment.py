from service_kit.testing.deployed import Deployment


class TestBackendDeployment(Deployment):
    """Outside demo mode."""
