from service_kit.testing.abuse import Abuse

FAULT = {"step": "AwardMiles", "kind": "delay", "seconds": 0}


class TestLoyaltyAbuse(Abuse):
    bodies = {f"{verb} /api/demo/faults/": {"faults": [FAULT]} for verb in ("put", "post")}
    known = {"user_id": "1"}
