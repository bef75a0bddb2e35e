"""What is known of a tool beside its signature, for people: effect and figures."""

from __future__ import annotations

from llmcc.ir.signature import Signature


def facts(signature: Signature) -> list[str]:
    """The effect first, then each figure that was given.

    >>> facts(Signature(name="now", latency_s=0.2, untrusted=True))
    ['effect not declared (a plan cannot use it)', 'latency 0.2s', 'results untrusted']
    """
    found = [str(signature.effect) if signature.effect is not None else "effect not declared (a plan cannot use it)"]
    if signature.effect is not None and signature.effect.writes and signature.idempotent:
        found.append("idempotent")
    figures = (
        ("latency", signature.latency_s, "s"),
        ("timeout", signature.timeout_s, "s"),
        ("cost", signature.cost_usd, " USD"),
        ("retries", signature.retries or None, ""),
        ("limit", signature.limit, " at a time"),
        ("rate", signature.rate, "/s"),
        ("breaker", signature.breaker, " failures"),
        ("batches of", signature.batch, ""),
    )
    found += [f"{name} {value:g}{unit}" for name, value, unit in figures if value is not None]
    found += [] if signature.prompt is None else [f"asks a model, with {signature.prompt}"]
    return [*found, "results untrusted"] if signature.untrusted else found
