from service_kit.testing.corpus import Corpus

FAULT = {"step": "AuthorizePayment", "kind": "delay", "seconds": 0}


class TestPaymentCorpus(Corpus):
    bodies = {"put /api/demo/faults/": {"faults": [FAULT]}}
    known = {"correlation_id": "test-12345"}
