from service_kit.testing.abuse import Abuse

FAULT = {"step": "AwardMiles", "kind": "delay", "seconds": 0}


class TestLoyaltyAbuse(Abuse):
    bodies = {"put /api/demo/faults/": {"faults": [FAULT]}}
    known = {"user_id": "1"}
