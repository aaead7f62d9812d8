from pathlib import Path

import pytest

from scripts.new_service import TEMPLATE, main


def made(root: Path, **given: str) -> int:
    return main(given, root)


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_text() for path in found if ".pytest" not in str(path)}


def test_the_hotel_is_made_as_its_example_shows_it(tmp_path: Path) -> None:
    assert made(tmp_path, NAME="hotel") == 0
    assert files(tmp_path / "hotel-service") == files(TEMPLATE)


def test_every_name_of_the_template_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert made(tmp_path, NAME="carhire", THING="car") == 0
    found = files(tmp_path / "carhire-service")
    assert "class ReserveCar(ActionView)" in found["carhire/saga_views.py"]
    assert "CAR_UNAVAILABLE" in found["carhire/services.py"]
    assert not [
        name for name, text in found.items() for word in ("hotel", "room") if word in (name + text).lower()
    ]
    said = capsys.readouterr().out
    assert '("carhire", "carhire", 8004)' in said and 'remote(\n        "ReserveCar"' in said


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"NAME": "Hotel"},
        {"NAME": "payment"},
        {"NAME": "flight"},
        {"NAME": "spa", "THING": "a b"},
        {"NAME": "../x"},
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_made(tmp_path: Path, given: dict[str, str]) -> None:
    assert made(tmp_path, **given) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_service_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert made(tmp_path, NAME="hotel") == 0
    assert made(tmp_path, NAME="hotel") == 2
    assert "hotel-service is there already." in capsys.readouterr().err
