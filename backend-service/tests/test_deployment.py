from service_kit.testing.deployed import Deployment, SendsMail


class TestBackendDeployment(Deployment, SendsMail):
    """Outside demo mode."""
