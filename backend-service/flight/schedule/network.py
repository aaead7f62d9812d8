"""Where the demo airline flies: the busiest airports of the world and the routes between them."""

# No airline uses this designator.
AIRLINE = "ZZ"

# By passengers, busiest first, after the yearly ranking of Airports Council International.
BUSIEST = (  # noqa: SIM905 - one code a line would be sixty lines
    "ATL DXB DFW HND LHR DEN IST ORD DEL PVG LAX CAN ICN JFK AMS CDG SIN MAD PEK BKK "
    "FRA MCO LAS HKG SZX CLT MIA BCN SEA BOM KUL SFO PHX MEX EWR IAH CGK FCO LGW DOH "
    "BOS MUC SYD GRU YYZ MSP MEL DTW PHL BOG NRT LIS DUB ZRH CPH VIE JNB AKL HNL"
).split()

# Destination and round trips a day, where more than one; each route is flown in both directions.
_ROUTES = {
    "DFW": "ORD*6 LAX*2 JFK*2 ATL*2 DEN*2 MIA*2 SFO*2 LAS SEA BOS PHX MCO IAH CLT EWR MSP DTW PHL "
    "LHR*2 CDG FRA MAD AMS FCO HND ICN MEX*2 YYZ GRU BOG HNL SYD",
    "ORD": "LAX*2 JFK*2 ATL*2 SFO*2 DEN*2 BOS*2 EWR LAS SEA PHX MIA MCO MSP CLT IAH PHL DTW "
    "LHR*2 CDG FRA AMS MUC DUB FCO HND DEL IST DOH MEX YYZ",
    "ATL": "LAX JFK MIA*2 MCO BOS DEN LHR CDG AMS GRU JNB BOG",
    "JFK": "LAX*2 SFO MIA SEA LHR*3 CDG*2 MAD FCO AMS FRA ZRH DUB LIS IST DXB DEL HND ICN HKG GRU MEX",
    "LAX": "SFO*2 LAS SEA DEN HNL LHR*2 CDG FRA HND NRT ICN SIN HKG PVG SYD MEL AKL MEX",
    "LHR": "CDG*2 AMS FRA MAD BCN FCO MUC DUB ZRH CPH VIE LIS IST DXB*2 DOH DEL BOM SIN HKG HND "
    "JNB BOS MIA SFO YYZ BKK",
    "LGW": "BCN DUB MCO",
    "DXB": "SIN BKK BOM DEL CDG FRA SYD HKG KUL JNB IST",
    "SIN": "KUL*2 BKK*2 CGK HKG HND SYD MEL PVG ICN DEL FRA",
    "HND": "ICN*2 HKG PEK PVG BKK SFO",
    "FRA": "BCN MAD VIE CPH IST PEK ICN",
    "CDG": "MAD BCN FCO AMS NRT",
    "SYD": "MEL*2 AKL",
    "DEL": "BOM*2 BKK",
    "PEK": "PVG CAN HKG SZX",
    "CAN": "PVG BKK KUL",
    "MAD": "BCN*2 MEX BOG LIS",
    "IST": "DOH AMS",
}

ROUTES: list[tuple[str, str, int]] = [
    (origin, entry.partition("*")[0], int(entry.partition("*")[2] or 1))
    for origin, entries in _ROUTES.items()
    for entry in entries.split()
]
"Origin, destination and round trips a day, in the order in which the timetable numbers them."
