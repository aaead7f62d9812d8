from service_kit.testing.corpus import Corpus

FAULT = {"step": "AwardMiles", "kind": "delay", "seconds": 0}


class TestLoyaltyCorpus(Corpus):
    bodies = {f"{verb} /api/demo/faults/": {"faults": [FAULT]} for verb in ("put", "post")}
    known = {"user_id": "1"}
