from service_kit.testing.described import DescribedService


class TestSchema(DescribedService):
    steps = ("reserve-room", "cancel-room")
