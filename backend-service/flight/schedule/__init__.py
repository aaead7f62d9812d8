"""The demo airline: the airports that it serves, its timetable, and the flights of the days ahead."""
