"""Tools that are better called together: a service that answers several questions at once, and a model's stand-in."""

import trio

import llmcc

CURRENCIES = "AUD BGN BRL CAD CHF CNY CZK DKK GBP HKD HUF IDR ILS INR ISK JPY KRW MXN NOK NZD".split()
#: How many rates each request asked for.
REQUESTS: list[int] = []


@llmcc.tool(effect="read", resource="currencies", latency="10ms")
async def currencies() -> list[str]:
    """The currencies that have a rate."""
    return CURRENCIES


@llmcc.tool(effect="read", resource="rates", latency="50ms", timeout="5s", retries=1, limit=4, batch=8)
async def rate(currency: str) -> int:
    """How many cents a unit of a currency costs."""
    found = (await rates([{"currency": currency}]))[0]
    if isinstance(found, Exception):
        raise found
    return found


@rate.batched
async def rates(calls: list[dict[str, str]]) -> list[int | Exception]:
    """One request for several rates."""
    REQUESTS.append(len(calls))
    await trio.sleep(0.05)
    return [_rate(call["currency"]) for call in calls]


def _rate(currency: str) -> int | Exception:
    if currency not in CURRENCIES:
        return llmcc.ToolInputError(f"there is no currency {currency}")
    return 10 + CURRENCIES.index(currency) * 7 % 20


@llmcc.tool(effect="read", resource="requests", latency="1ms")
async def requests() -> list[int]:
    """For how many rates each request asked so far, the largest first."""
    return sorted(REQUESTS, reverse=True)


@llmcc.tool(effect="pure", latency="1s", limit=1, prompt="text")
async def ask(text: str) -> str:
    """Ask a model (what stands for it here repeats the end of the question)."""
    return text.rsplit(". ", 1)[-1]
