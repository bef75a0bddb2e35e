"""Orders that are put together of parts: what is done with something that has to be found, under conditions."""

from __future__ import annotations

from planner.data.compose_sums import Composer
from planner.data.scene import Asked, Unfit
from planner.data.shapes_composed import made_of_parts
from planner.data.shapes_writes import Order
from planner.data.world import World


@made_of_parts
def composed_act(m: Composer) -> Asked:
    """Something that is done with a thing that has to be found first, under a condition or not."""
    x = m.rng.choice((m.named, m.chosen, lambda: m.linked()))()
    x, d = x if isinstance(x, tuple) else (x, m.s.d)
    o = Order(m.s, "", m.rng.choice(d.acts), d)
    if m.rng.random() < 0.5:
        m.s.end(o.call(x=x.code))
        return Asked({"o": o.words(x.said)}, lambda w: o.do(w, x.value(w)))
    b, unless = m.condition(), m.rng.random() < 0.3
    m.s.end(o.call(f" when {b.denied if unless else b.code}", x=x.code))
    said = f", but not if {b.said}" if unless else f" if {b.said}"
    return Asked({"o": o.words(x.said) + said}, lambda w: o.do(w, x.value(w)) if bool(b.value(w)) != unless else None)


@made_of_parts
def composed_acts(m: Composer) -> Asked:
    """Two things that are done, each always or under a condition of its own."""
    x, y = m.s.things(2)
    o, p = Order(m.s, x), Order(m.s, y)
    b = m.condition()
    c = m.condition() if m.rng.random() < 0.5 else None
    first = o.call(f" when {b.code}")
    then = p.call(f" when {c.code}" if c else "")
    m.s.end(f"[{first}, {then}]")
    said = f"{p.words()} if {c.said}" if c else f"{p.words()} {m.rng.choice(('in any case', 'either way', 'anyway'))}"

    def expected(w: World) -> list[object]:
        one = o.do(w) if b.value(w) else None
        return [one, p.do(w) if c is None or c.value(w) else None]

    return Asked({"o": f"{o.words()} if {b.said}", "p": said}, expected)


@made_of_parts
def composed_either(m: Composer) -> Asked:
    """One of two things, by a condition."""
    (x, y), acts = m.s.things(2), m.s.d.acts
    first, then = m.rng.sample(acts, 2) if len(acts) > 1 else acts * 2
    o, p = Order(m.s, x, first), Order(m.s, m.rng.choice((x, y)) if len(acts) > 1 else y, then)
    b = m.condition(limits=False)
    m.s.end(f"[{o.call(f' when {b.code}')}, {p.call(f' when {b.denied}')}]")
    slots = {"o": o.words(), "p": p.words(), "b": b.said}
    return Asked(slots, lambda w: [o.do(w), None] if b.value(w) else [None, p.do(w)])


@made_of_parts
def composed_set(m: Composer) -> Asked:
    """A number that is set to what others make."""
    f, x = m.s.d.numbers[0], m.named()
    if not f.whole or m.s.kit.general(m.s.cap("number", f.name)) is not None:
        raise Unfit
    a, b = m.number(f), m.number(f)
    if "(" in a.code + b.code:
        raise Unfit
    plus = m.rng.random() < 0.6
    q = f"{a.said} plus {b.said}" if plus else f"{a.said} minus {b.said}"
    c = m.s.cap("set", f.name)
    m.s.end(m.s.call(c, x.code, f"{a.code} {'+' if plus else '-'} {b.code}"))

    def expected(w: World) -> object:
        one, other = a.value(w), b.value(w)
        return w.do(c, x.value(w), one + other if plus else one - other)

    return Asked({"f": m.s.field(f), "x": x.said, "q": q}, expected)
