from service_kit.testing.corpus import Corpus

FAULT = {"step": "AwardMiles", "kind": "delay", "seconds": 0}


class TestLoyaltyCorpus(Corpus):
    bodies = {"put /api/demo/faults/": {"faults": [FAULT]}}
    known = {"user_id": "1"}
