"""A guarded write: an order is placed only if the stock is low, and the stock is read again only after it."""

from typing import TypedDict

import llmcc

SHELF = {"paper A4": 3, "pens": 40}


class Rule(TypedDict):
    """When to order, and how much."""

    minimum: int
    amount: int


class Receipt(TypedDict):
    """What was ordered."""

    item: str
    amount: int


@llmcc.tool(effect="read", resource="stock:{item}", latency="20ms")
def stock(item: str) -> int:
    """How many of an item are on the shelf."""
    return SHELF.get(item, 0)


@llmcc.tool(effect="read", resource="rules", latency="20ms")
def reorder_rule(item: str) -> Rule:
    """The rule by which an item is ordered again."""
    return Rule(minimum=10, amount=25)


@llmcc.tool(effect="write", resource="stock:{item}", idempotent=False, latency="100ms")
def buy(item: str, amount: int) -> Receipt:
    """Order some of an item; they arrive at once."""
    SHELF[item] = SHELF.get(item, 0) + amount
    return Receipt(item=item, amount=amount)
