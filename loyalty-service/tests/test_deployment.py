from service_kit.testing.deployed import Deployment


class TestLoyaltyDeployment(Deployment):
    """Outside demo mode."""
