"""Questions with a choice in them: what if nothing is known, which of two tools, and what if there is none."""

from __future__ import annotations

from typing import Any

from planner.data.compose import SOURCES
from planner.data.domains import Capability, Text, domains
from planner.data.scene import Asked, Scene, literal
from planner.data.shapes import held_out, shape
from planner.data.world import World

from llmcc.driver.adapted import NO_TOOL
from llmcc.ir.errors import ToolError

_FALLBACKS = ("unknown", "n/a", "no idea", "-", "nobody knows", "?", "none", "not on file")


def _or_else(w: World, c: Capability, key: str, otherwise: Any) -> Any:
    try:
        return w.do(c, key)
    except ToolError:
        return otherwise


@shape
def caught(s: Scene) -> Asked:
    x, t = s.thing(), s.rng.choice(_FALLBACKS)
    f = s.rng.choice(s.d.leads)
    c = s.cap("text" if isinstance(f, Text) else "link", f.name)
    s.end(s.call(c, literal(x), clause=f" catch {literal(t)}"))
    slots = {"f": s.field(f), "x": s.say(x), "t": s.quoted(t)}
    return Asked(slots, lambda w: _or_else(w, c, x, t), unsure=(x,))


@shape
def caught_total(s: Scene) -> Asked:
    f, (x, y) = s.number(), s.things(2)
    c = s.cap("number", f.name)
    a, b = (s.call(c, literal(key), clause=" catch 0") for key in (x, y))
    s.end(f"{a} + {b}")
    slots = {"f": s.field(f), "x": s.say(x), "y": s.say(y)}
    return Asked(slots, lambda w: _or_else(w, c, x, 0) + _or_else(w, c, y, 0), unsure=(x, y))


@shape
def compete(s: Scene) -> Asked:
    f, x = s.number(), s.thing()
    right, wrong = s.rng.sample(SOURCES, 2)
    c, other = (s.cap("number", f.name, source=source) for source in (right, wrong))
    s.kit.use(other)
    s.end(s.call(c, literal(x)))
    return Asked({"f": s.field(f), "x": s.say(x), "s": right}, lambda w: w.do(c, x))


@held_out
def compete_difference(s: Scene) -> Asked:
    f, x = s.number(), s.thing()
    one, two = s.rng.sample(SOURCES, 2)
    c, e = (s.cap("number", f.name, source=source) for source in (one, two))
    a, b = s.call(c, literal(x)), s.call(e, literal(x))
    s.end(f"{a} - {b}")
    return Asked({"f": s.field(f), "x": s.say(x), "s": one, "r": two}, lambda w: w.do(c, x) - w.do(e, x))


@shape
def no_tool(s: Scene) -> Asked:
    own = s.kit.known | {s.d.name}
    away = s.rng.choice([d for d in domains().values() if d.name not in own and (s.kit.held_out or not d.held_out)])
    f, x = s.rng.choice(away.facts), s.thing(away)
    one, many = s.rng.choice(away.nouns)
    g = away.group[1].format(s.draw(away.group[2]))
    s.kit.absent.add(away.name)
    s.end(literal(NO_TOOL))
    return Asked({"f": s.field(f), "x": s.say(x), "n": one, "ns": many, "g": g}, lambda w: NO_TOOL)
