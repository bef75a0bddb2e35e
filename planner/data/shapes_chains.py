"""Questions in which one call needs the result of another."""

from __future__ import annotations

from planner.data.domains import Domain, Link
from planner.data.scene import Asked, Scene, literal
from planner.data.shapes import held_out, shape


def _link(s: Scene) -> tuple[Link, Domain]:
    link = s.rng.choice(s.d.links)
    return link, s.target(link)


@shape
def chain(s: Scene) -> Asked:
    (link, to), x = _link(s), s.thing()
    f = s.number(of=to)
    first, then = s.cap("link", link.name), s.cap("number", f.name, to)
    s.end(s.call(then, s.call(first, literal(x))))
    return Asked({"f": s.field(f), "h": s.field(link), "x": s.say(x)}, lambda w: w.do(then, w.do(first, x)))


@shape
def chain_record(s: Scene) -> Asked:
    link, x = s.d.links[0], s.thing()
    to = s.target(link)
    f = s.number(of=to)
    first, then = s.cap("record", ""), s.cap("number", f.name, to)
    a = s.call(first, literal(x))
    s.end(s.call(then, f"{a}.{s.shown(link.name)}"))
    slots = {"f": s.field(f), "h": s.field(link), "x": s.say(x)}
    return Asked(slots, lambda w: w.do(then, w.do(first, x)[link.name]))


@held_out
def chain3(s: Scene) -> Asked:
    (link, to), x = _link(s), s.thing()
    second = s.rng.choice(to.links)
    last = s.target(second)
    f = s.number(of=last)
    one, two = s.cap("link", link.name), s.cap("link", second.name, to)
    three = s.cap("number", f.name, last)
    s.end(s.call(three, s.call(two, s.call(one, literal(x)))))
    slots = {"f": s.field(f), "h": s.field(link), "k": s.field(second), "x": s.say(x)}
    return Asked(slots, lambda w: w.do(three, w.do(two, w.do(one, x))))


@shape
def same_link(s: Scene) -> Asked:
    (link, _), (x, y) = _link(s), s.things(2)
    c = s.cap("link", link.name)
    a, b = s.call(c, literal(x)), s.call(c, literal(y))
    s.end(f"{a} == {b}")
    slots = {"h": s.field(link), "x": s.say(x), "y": s.say(y)}
    return Asked(slots, lambda w: w.do(c, x) == w.do(c, y))


@shape
def compare_links(s: Scene) -> Asked:
    (link, to), (x, y) = _link(s), s.things(2)
    f = s.number(of=to)
    first, then = s.cap("link", link.name), s.cap("number", f.name, to)
    a, b = s.call(first, literal(x)), s.call(first, literal(y))
    c, d = s.call(then, a), s.call(then, b)
    s.end(f"{literal(x)} if {c} > {d} else {literal(y)}")
    slots = {"f": s.field(f), "h": s.field(link), "x": s.say(x), "y": s.say(y)}
    return Asked(slots, lambda w: x if w.do(then, w.do(first, x)) > w.do(then, w.do(first, y)) else y)
