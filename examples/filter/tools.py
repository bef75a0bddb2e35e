"""A map with a filter: a list of hotels, and a price for each one that is good enough."""

from typing import TypedDict

import llmcc

RATES = {"h1": ("Casa Azul", 3, 8.9, 82.0), "h2": ("Rio Plaza", 4, 7.2, 64.0), "h3": ("Ponte Inn", 3, 8.1, 71.5)}


class Hotel(TypedDict):
    """A hotel with its guests' rating, from 0 to 10."""

    id: str
    name: str
    rating: float


class Offer(TypedDict):
    """What a stay costs, in euros."""

    hotel: str
    total: float


@llmcc.tool(effect="read", resource="hotels", latency="300ms")
def find_hotels(city: str, stars: int = 1) -> list[Hotel]:
    """Hotels of a city with at least so many stars."""
    if city != "Porto":
        return []
    return [Hotel(id=key, name=name, rating=rating) for key, (name, has, rating, _) in RATES.items() if has >= stars]


@llmcc.tool(effect="read", resource="rates", latency="250ms", cost_usd=0.002, limit=4)
def price(hotel: str, nights: int = 1) -> Offer:
    """What some nights in a hotel cost."""
    name, _, _, rate = RATES[hotel]
    return Offer(hotel=name, total=rate * nights)
