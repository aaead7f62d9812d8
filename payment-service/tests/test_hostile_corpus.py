from service_kit.testing.corpus import Corpus

FAULT = {"step": "AuthorizePayment", "kind": "delay", "seconds": 0}


class TestPaymentCorpus(Corpus):
    bodies = {f"{verb} /api/demo/faults/": {"faults": [FAULT]} for verb in ("put", "post")}
    known = {"correlation_id": "test-12345"}
