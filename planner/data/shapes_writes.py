"""Questions that ask for something to be done: writes, in order, under conditions, for each of a group."""

from __future__ import annotations

from typing import Any

from planner.data.domains import Act, Capability, Domain
from planner.data.entities import message
from planner.data.scene import Asked, Scene, literal, spoken
from planner.data.shapes import held_out, shape


class Order:
    """An act with all that it takes, drawn: as an order in words, as a call, and as what it does to a world."""

    def __init__(self, s: Scene, x: str, act: Act | None = None, domain: Domain | None = None) -> None:
        self.s, self.x = s, x
        self.act = act or s.rng.choice(s.d.acts)
        self.c = s.cap("act", self.act.name, domain)
        drawn: dict[str, Any] = {"plain": None, "amount": s.rng.randint(1, 90), "text": message(s.rng)}
        self.more: list[Any] = [] if self.act.takes == "plain" else [drawn[self.act.takes]]

    def words(self, x: str = "") -> str:
        v, t = (self.more or [""])[0], str((self.more or [""])[0])
        return self.act.order.format(x=x or self.s.say(self.x), v=v, t=self.s.quoted(t))

    def call(self, clause: str = "", *, x: str = "") -> str:
        return self.s.call(self.c, x or literal(self.x), *map(literal, self.more), clause=clause)

    def do(self, w: Any, x: str = "") -> Any:
        return w.do(self.c, x or self.x, *self.more)


@shape
def act(s: Scene) -> Asked:
    o = Order(s, s.thing())
    s.end(o.call())
    return Asked({"o": o.words()}, o.do)


@shape
def act_computed(s: Scene) -> Asked:
    takes = [a for a in s.d.acts if a.takes == "amount"]
    numbers = [f for f in s.d.numbers if f.whole]
    if not takes or not numbers:
        f, x, y = s.number(), *s.things(2)
        copy, read = s.cap("set", s.d.numbers[0].name), s.cap("number", s.d.numbers[0].name)
        s.end(s.call(copy, literal(x), s.count(read, y)))
        slots = {"o": f"set the {s.field(s.d.numbers[0])} of {s.say(x)}", "f": s.field(s.d.numbers[0]), "y": s.say(y)}
        return Asked(slots, lambda w: w.do(copy, x, w.do(read, y)))
    f, (x, y), a = s.rng.choice(numbers), s.things(2), s.rng.choice(takes)
    read, do = s.cap("number", f.name), s.cap("act", a.name)
    s.end(s.call(do, literal(x), s.count(read, y)))
    order = a.order.format(x=s.say(x), v="an amount")
    return Asked({"o": order, "f": s.field(f), "y": s.say(y)}, lambda w: w.do(do, x, w.do(read, y)))


@shape
def act_twice(s: Scene) -> Asked:
    x, y = s.things(2)
    if len(s.d.acts) < 2:
        o, p = Order(s, x), Order(s, y)
    else:
        first, then = s.rng.sample(s.d.acts, 2)
        o, p = Order(s, x, first), Order(s, s.rng.choice((x, y)), then)
    a = o.call()
    s.end(f"[{a}, {p.call(f' after {a}')}]")
    return Asked({"o": o.words(), "p": p.words()}, lambda w: [o.do(w), p.do(w)])


@shape
def act_if(s: Scene) -> Asked:
    f, x = s.number(compared=True), s.thing()
    v, o, c = s.between(f), Order(s, x), s.cap("number", f.name)
    a = s.call(c, literal(x))
    s.end(o.call(f" when {a} > {v}"))
    slots = {"f": s.field(f), "x": s.say(x), "v": str(v), "o": o.words()} | spoken(f)
    return Asked(slots, lambda w: o.do(w) if w.do(c, x) > v else None)


def _flagged(s: Scene) -> tuple[str, Order, Capability, dict[str, str]]:
    f, x = s.rng.choice(s.d.flags), s.thing()
    o, c = Order(s, x), s.cap("flag", f)
    return s.call(c, literal(x)), o, c, {"f": f, "x": s.say(x), "o": o.words()}


@shape
def act_if_flag(s: Scene) -> Asked:
    a, o, c, slots = _flagged(s)
    s.end(o.call(f" when {a}"))
    return Asked(slots, lambda w: o.do(w) if w.do(c, o.x) else None)


@shape
def act_unless(s: Scene) -> Asked:
    a, o, c, slots = _flagged(s)
    s.end(o.call(f" when not {a}"))
    return Asked(slots, lambda w: None if w.do(c, o.x) else o.do(w))


@held_out
def act_either(s: Scene) -> Asked:
    f, (x, y) = s.number(), s.things(2)
    v, c = s.between(f), s.cap("number", f.name)
    o, p = Order(s, x), Order(s, s.rng.choice((x, y)))
    a = s.call(c, literal(x))
    b = o.call(f" when {a} > {v}")
    s.end(f"[{b}, {p.call(f' when {a} <= {v}')}]")
    slots = {"f": s.field(f), "x": s.say(x), "v": str(v), "o": o.words(), "p": p.words()}
    return Asked(slots, lambda w: [o.do(w), None] if w.do(c, x) > v else [None, p.do(w)])


@shape
def act_each(s: Scene) -> Asked:
    (g, said), names = s.group(), s.cap("names")
    o = Order(s, "")
    a = s.call(names, literal(g))
    inner = s.kit.call(o.c, "each", *map(literal, o.more))
    s.end(s.let(f"[{inner} for each in {a}]"))
    slots = {"o": o.words("it"), "n": s.noun, "ns": s.nouns, "g": said}
    return Asked(slots, lambda w: [o.do(w, x) for x in w.do(names, g)])


@shape
def set_value(s: Scene) -> Asked:
    f, x = s.d.numbers[0], s.thing()
    v, c = s.between(f), s.cap("set", f.name)
    s.end(s.call(c, literal(x), str(v)))
    return Asked({"f": s.field(f), "x": s.say(x), "v": str(v)}, lambda w: w.do(c, x, v))


@shape
def set_more(s: Scene) -> Asked:
    f, x, v = s.d.numbers[0], s.thing(), s.rng.choice((1, 2, 3, 5, 10, 15, 20, 50, 100))
    read, c = s.cap("number", f.name), s.cap("set", f.name)
    s.end(s.call(c, literal(x), f"{s.count(read, x)} + {v}"))
    return Asked({"f": s.field(f), "x": s.say(x), "v": str(v)}, lambda w: w.do(c, x, w.do(read, x) + v))
