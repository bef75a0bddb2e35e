"""A plan with more calls than it needs: what is asked twice is asked once, what nobody needs is not asked."""

from typing import TypedDict

import llmcc

DEGREES = {"Porto": 21.0, "Rome": 24.0, "Wien": 18.0}
FARES = {"Porto": 120.0, "Rome": 90.0, "Wien": 80.0}


class Place(TypedDict):
    """A place to meet, and what it costs in euros to bring everybody there."""

    name: str
    degrees: float
    cost: float


@llmcc.tool(effect="read", resource="budgets", latency="50ms")
def budget(group: str) -> float:
    """What a group may spend, in euros."""
    return 2500.0


@llmcc.tool(effect="read", resource="rates", latency="100ms", cost_usd=0.001)
def rate(currency: str, into: str) -> float:
    """What one unit of a currency is worth in another."""
    return 0.085


@llmcc.tool(effect="read", resource="weather", latency="200ms", cost_usd=0.001)
def weather(city: str) -> float:
    """The temperature of the coming week, in degrees Celsius."""
    return DEGREES[city]


@llmcc.tool(effect="read", resource="fares", latency="400ms", cost_usd=0.002, limit=4, retries=1)
def fare(origin: str, city: str) -> float:
    """What the cheapest flight costs, in the currency of its origin."""
    return FARES[city] if origin == "Lyon" else 20.0 * FARES[city]


@llmcc.tool(effect="read", resource="hotels", latency="300ms", cost_usd=0.005)
def hotels(city: str) -> list[str]:
    """The hotels of a city."""
    return [f"Grand Hotel {city}"]


@llmcc.tool(effect="pure", latency="10ms")
def best_place(places: list[Place], limit: float) -> Place:
    """The warmest place that the group can afford."""
    return max((one for one in places if one["cost"] <= limit), key=lambda one: one["degrees"])


@llmcc.tool(effect="write", resource="fares", latency="400ms", idempotent=False)
def book(origin: str, city: str) -> str:
    """Book a flight. It changes what the next one costs."""
    FARES[city] += 10.0
    return f"{origin} to {city}"
