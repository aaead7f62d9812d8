"""What the services' tests share: the guard's protocol, hostile input, races. Imported by tests only."""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{name}" for name in ("access", "deployed", "described", "faulty", "hostility", "protocol"))
)
