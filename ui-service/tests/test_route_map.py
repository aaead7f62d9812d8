from dataclasses import replace

from django.template import Context, Template

from tests.desk import flight
from ui.view_models import route_map
from ui.view_models.places import Place
from ui.view_models.travel import flight_from


def place(code: str, latitude: float, longitude: float) -> Place:
    return Place(code, code, code, "", "", position=(latitude, longitude))


DALLAS, CHICAGO = place("DFW", 32.9, -97.0), place("ORD", 42.0, -87.9)
LOS_ANGELES, SYDNEY = place("LAX", 33.9, -118.4), place("SYD", -33.9, 151.2)
LONDON = place("LHR", 51.5, -0.5)


def test_map_of_a_way_holds_both_ends_and_the_way_back_is_the_same_line() -> None:
    drawn = route_map.of_ways([[DALLAS, CHICAGO], [CHICAGO, DALLAS]])
    assert drawn is not None and len(drawn.lines) == 1
    left, top, width, height = map(float, drawn.box.split())
    assert [spot.place.code for spot in drawn.spots] == ["DFW", "ORD"]
    for spot in drawn.spots:
        assert left < float(spot.x) < left + width and top < float(spot.y) < top + height
    assert drawn.shifts == (0,)


def test_way_over_the_date_line_is_short_and_its_land_is_drawn_twice() -> None:
    drawn = route_map.of_ways([[LOS_ANGELES, SYDNEY]])
    assert drawn is not None and len(drawn.shifts) == 2
    assert float(drawn.box.split()[2]) < route_map.WORLD * 0.7
    assert len(route_map.of_world([LOS_ANGELES, SYDNEY], [(LOS_ANGELES, SYDNEY)]).lines) == 2


def test_way_bends_towards_the_pole() -> None:
    (line,) = route_map.of_world([DALLAS, LONDON], [(DALLAS, LONDON)]).lines
    bend = float(line.split("Q")[1].split()[1])
    assert bend < route_map.SCALE * (route_map.NORTH - 51.5)


def test_places_around_the_world_on_both_sides_are_drawn_on_both() -> None:
    drawn = route_map.of_ways([[DALLAS, LONDON, SYDNEY], [DALLAS, LOS_ANGELES, SYDNEY]])
    assert drawn is not None
    assert [spot.place.code for spot in drawn.spots].count("SYD") == 2


def test_place_without_coordinates_has_no_map() -> None:
    assert route_map.of_ways([[DALLAS, Place("XXX", "", "", "", "")]]) is None
    assert route_map.of_ways([]) is None


def test_map_of_a_trip_is_drawn_by_a_tag_where_its_places_are_known() -> None:
    unknown = flight_from(flight())
    known = replace(unknown, origin=DALLAS, destination=CHICAGO)
    for flown, ways in (([known], 1), ([known, unknown], 0)):
        drawn = Template("{% trip_map flights %}").render(Context({"flights": flown}))
        assert drawn.count('class="way"') == ways
