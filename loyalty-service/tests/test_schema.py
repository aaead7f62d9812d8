from service_kit.testing.described import DescribedService


class TestSchema(DescribedService):
    steps = ("award-miles", "reverse-miles", "adjust-miles")
