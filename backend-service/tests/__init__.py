import pytest

# Their asserts are the tests' own: a failure should show its values.
pytest.register_assert_rewrite("tests.invariants", "tests.saga_world")
