"""A chain: a city's place, the weather station next to it, and what that station sees."""

from typing import Literal, TypedDict

import llmcc

PLACES = {"Lisbon": (38.72, -9.14), "Oslo": (59.91, 10.75)}
STATIONS = {"LIS": ("Lisbon Portela", 38.77, -9.13), "OSL": ("Oslo Gardermoen", 60.19, 11.1)}
REPORTS: dict[str, tuple[float, Literal["clear", "cloudy", "rain"]]] = {"LIS": (19.5, "clear"), "OSL": (4.0, "rain")}


class Place(TypedDict):
    """A point on the map, in degrees."""

    latitude: float
    longitude: float


class Station(TypedDict):
    """A weather station."""

    id: str
    name: str


class Report(TypedDict):
    """What a station sees."""

    celsius: float
    sky: Literal["clear", "cloudy", "rain"]


@llmcc.tool(effect="read", resource="map", latency="120ms")
def geocode(city: str) -> Place:
    """Where a city lies."""
    if city not in PLACES:
        raise llmcc.ToolInputError(f"no city is called {city!r}")
    latitude, longitude = PLACES[city]
    return Place(latitude=latitude, longitude=longitude)


@llmcc.tool(effect="read", resource="stations", latency="80ms")
def nearest_station(latitude: float, longitude: float) -> Station:
    """The weather station nearest to a point."""

    def distance(key: str) -> float:
        return (STATIONS[key][1] - latitude) ** 2 + (STATIONS[key][2] - longitude) ** 2

    best = min(STATIONS, key=distance)
    return Station(id=best, name=STATIONS[best][0])


@llmcc.tool(effect="read", resource="stations", latency="200ms")
def observe(station: str) -> Report:
    """What a station sees now."""
    celsius, sky = REPORTS[station]
    return Report(celsius=celsius, sky=sky)
