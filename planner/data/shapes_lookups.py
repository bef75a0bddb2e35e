"""Questions of one to eight calls that do not need each other: look-ups, comparisons, sums."""

from __future__ import annotations

import operator
from functools import reduce

from planner.data.domains import Capability, Kind
from planner.data.scene import Asked, Scene, Unfit, listing, literal, spoken
from planner.data.shapes import held_out, shape
from planner.data.world import FACTORS


def _fact(s: Scene, kind: Kind, f: str, noun: str) -> Asked:
    x = s.thing()
    c = s.cap(kind, f)
    s.end(s.call(c, literal(x)))
    unit = s.d.number(f).unit if kind == "number" else ""
    return Asked({"f": noun, "x": s.say(x), "n": s.noun, "u": unit}, lambda w: w.do(c, x))


@shape
def one(s: Scene) -> Asked:
    f = s.number()
    return _fact(s, "number", f.name, s.field(f))


@shape
def text_of(s: Scene) -> Asked:
    f = s.rng.choice(s.d.texts)
    return _fact(s, "text", f.name, s.field(f))


@shape
def flag_of(s: Scene) -> Asked:
    f = s.rng.choice(s.d.flags)
    return _fact(s, "flag", f, f)


@shape
def field_of_record(s: Scene) -> Asked:
    x, c = s.thing(), s.cap("record")
    f = s.rng.choice(s.d.facts)
    a = s.call(c, literal(x))
    s.end(f"{a}.{s.shown(f.name)}")
    return Asked({"f": s.field(f), "x": s.say(x), "n": s.noun}, lambda w: w.do(c, x)[f.name])


@shape
def two_fields(s: Scene) -> Asked:
    x, c = s.thing(), s.cap("record")
    f, h = s.rng.sample(s.d.facts, 2)
    a = s.call(c, literal(x))
    s.end(f"[{a}.{s.shown(f.name)}, {a}.{s.shown(h.name)}]")
    slots = {"f": s.field(f), "h": s.field(h), "x": s.say(x)}
    return Asked(slots, lambda w: [w.do(c, x)[f.name], w.do(c, x)[h.name]])


@shape
def tell(s: Scene) -> Asked:
    x, c = s.thing(), s.cap("record")
    s.join(s.call(c, literal(x)))
    return Asked({"x": s.say(x), "n": s.noun}, lambda w: [{s.shown(name): value for name, value in w.do(c, x).items()}])


@shape
def count_of(s: Scene) -> Asked:
    (g, said), c = s.group(), s.cap("count")
    s.end(s.call(c, literal(g)))
    return Asked({"ns": s.nouns, "g": said}, lambda w: w.do(c, g))


def _pair(s: Scene) -> tuple[str, str, str, str, dict[str, str], Capability]:
    f = s.number(compared=True)
    x, y = s.things(2)
    c = s.cap("number", f.name)
    a, b = s.call(c, literal(x)), s.call(c, literal(y))
    slots = {"f": s.field(f), "x": s.say(x), "y": s.say(y), "n": s.noun} | spoken(f)
    return a, b, x, y, slots, c


@shape
def difference(s: Scene) -> Asked:
    a, b, x, y, slots, c = _pair(s)
    s.end(f"{a} - {b}")
    return Asked(slots, lambda w: w.do(c, x) - w.do(c, y))


@shape
def which(s: Scene) -> Asked:
    a, b, x, y, slots, c = _pair(s)
    s.end(f"{literal(x)} if {a} > {b} else {literal(y)}")
    return Asked(slots, lambda w: x if w.do(c, x) > w.do(c, y) else y)


@shape
def which_less(s: Scene) -> Asked:
    a, b, x, y, slots, c = _pair(s)
    s.end(f"{literal(x)} if {a} < {b} else {literal(y)}")
    return Asked(slots, lambda w: x if w.do(c, x) < w.do(c, y) else y)


@held_out
def ratio(s: Scene) -> Asked:
    a, b, x, y, slots, c = _pair(s)
    if s.d.number(c.field).low <= 0:  # nothing is divided by 0
        raise Unfit
    s.end(f"{a} / {b}")
    return Asked(slots, lambda w: w.do(c, x) / w.do(c, y))


def _several(s: Scene, least: int) -> tuple[list[str], list[str], dict[str, str], Capability]:
    f, xs = s.number(compared=True), s.things(s.rng.choice((least, least, least + 1, least + 1, 4, 5, 6, 8)))
    c = s.cap("number", f.name)
    names = [s.call(c, literal(x)) for x in xs]
    slots = {"f": s.field(f), "xs": listing([s.say(x) for x in xs]), "ns": s.nouns} | spoken(f)
    return names, xs, slots, c


@shape
def total(s: Scene) -> Asked:
    names, xs, slots, c = _several(s, 2)
    s.end(" + ".join(names))
    return Asked(slots, lambda w: reduce(operator.add, [w.do(c, x) for x in xs]))


@shape
def average(s: Scene) -> Asked:
    names, xs, slots, c = _several(s, 3)
    s.end(f"({' + '.join(names)}) / {len(xs)}")
    return Asked(slots, lambda w: reduce(operator.add, [w.do(c, x) for x in xs]) / len(xs))


@shape
def extreme(s: Scene) -> Asked:
    names, xs, slots, c = _several(s, 2)
    s.end(f"max({', '.join(names)})")
    return Asked(slots, lambda w: max(w.do(c, x) for x in xs))


@shape
def lowest(s: Scene) -> Asked:
    names, xs, slots, c = _several(s, 2)
    s.end(f"min({', '.join(names)})")
    return Asked(slots, lambda w: min(w.do(c, x) for x in xs))


@shape
def times(s: Scene) -> Asked:
    f, x, v = s.number(), s.thing(), s.rng.choice((2, 3, 4, 5, 7, 10, 12, 25, 100, 1.5, 0.5))
    c = s.cap("number", f.name)
    s.end(f"{s.call(c, literal(x))} * {v}")
    return Asked({"f": s.field(f), "x": s.say(x), "v": str(v)}, lambda w: w.do(c, x) * v)


@shape
def above(s: Scene) -> Asked:
    f, x = s.number(compared=True), s.thing()
    v, c = s.between(f), s.cap("number", f.name)
    s.end(f"{s.call(c, literal(x))} > {v}")
    slots = {"f": s.field(f), "x": s.say(x), "v": str(v)} | spoken(f)
    return Asked(slots, lambda w: w.do(c, x) > v)


@shape
def convert(s: Scene) -> Asked:
    usable = [f for f in s.d.numbers if any(f.unit == old for old, _ in FACTORS)]
    if not usable:
        raise Unfit
    f, x = s.rng.choice(usable), s.thing()
    new = s.rng.choice([to for old, to in FACTORS if old == f.unit])
    c, change = s.cap("number", f.name), s.cap("convert")
    a = s.call(c, literal(x))
    s.end(s.call(change, a, literal(f.unit), literal(new)))
    slots = {"f": s.field(f), "x": s.say(x), "u": f.unit, "w": new}
    return Asked(slots, lambda w: w.do(change, w.do(c, x), f.unit, new))


@shape
def sentence(s: Scene) -> Asked:
    f, x = s.number(), s.thing().translate(str.maketrans("", "", "'\"{}\\"))
    c = s.cap("number", f.name)
    a = s.call(c, literal(x))
    s.end(f'f"{x}: {{{a}}}"')
    return Asked({"f": s.field(f), "x": x}, lambda w: f"{x}: {_shown(w.do(c, x))}")


def _shown(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
