from service_kit.testing.abuse import Abuse

FAULT = {"step": "AuthorizePayment", "kind": "delay", "seconds": 0}


class TestPaymentAbuse(Abuse):
    bodies = {f"{verb} /api/demo/faults/": {"faults": [FAULT]} for verb in ("put", "post")}
    known = {"correlation_id": "test-12345"}
