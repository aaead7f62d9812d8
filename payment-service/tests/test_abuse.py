from service_kit.testing.abuse import Abuse

FAULT = {"step": "AuthorizePayment", "kind": "delay", "seconds": 0}


class TestPaymentAbuse(Abuse):
    bodies = {"put /api/demo/faults/": {"faults": [FAULT]}}
    known = {"correlation_id": "test-12345"}
