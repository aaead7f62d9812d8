from uuid import RFC_4122, UUID

from service_kit.ids import random_uuid


def test_random_ids_are_uuids_of_version_4_and_differ() -> None:
    made = {random_uuid() for _ in range(1000)}
    assert len(made) == 1000
    read = {UUID(each) for each in made}
    assert {str(each) for each in read} == made
    assert {(each.version, each.variant) for each in read} == {(4, RFC_4122)}
