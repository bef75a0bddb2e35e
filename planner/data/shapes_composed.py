"""Questions that are put together of parts, so that nearly no two have the same plan. None has a held-out shape."""

from __future__ import annotations

from collections.abc import Callable

from planner.data.boxes.apart import just_held_out
from planner.data.compose import Part
from planner.data.compose_sums import Composer
from planner.data.scene import Asked, Scene, Unfit, literal
from planner.data.shapes import Shape, composed
from planner.data.world import World

#: No plan has more lines.
MOST_LINES = 8
_ANSWERS = (("yes", "no"), ("go", "wait"), ("high", "low"), ("ok", "too much"), ("A", "B"), ("fine", "check"))
_OF_TWO = (("ratio of {f} to {g}", "{} / {}"), ("sum of {f} and {g}", "{} + {}"), ("product of {f} and {g}", "{} * {}"))


def made_of_parts(draw: Callable[[Composer], Asked]) -> Shape:
    """A shape whose parts a composer draws, unless they make something that is held out or too long."""

    def drawn(s: Scene) -> Asked:
        before = dict(s.kit.tools)
        try:
            asked = draw(Composer(s))
            if just_held_out(s.plan) or len(s.lines) > MOST_LINES:
                raise Unfit
        except Unfit:
            if before:
                s.kit.forget(before)
            raise
        return asked

    drawn.__name__ = draw.__name__
    return composed(drawn)


@made_of_parts
def composed_number(m: Composer) -> Asked:
    q = m.arithmetic() if m.rng.random() < 0.65 else m.number()
    if q.whole and m.rng.random() < 0.15:
        digits = m.rng.choice((0, 1, 2))
        m.s.end(f"round({q.code}, {digits})")
        words = ("a whole number", "one decimal", "two decimals")[digits]
        return Asked({"q": f"{q.said}, rounded to {words}"}, lambda w: round(q.value(w), digits))
    m.s.end(q.code)
    return Asked({"q": q.said}, q.value)


@made_of_parts
def composed_thing(m: Composer) -> Asked:
    q = m.chosen() if m.rng.random() < 0.4 else m.linked()[0]
    m.s.end(q.code)
    return Asked({"q": q.said}, q.value)


@made_of_parts
def composed_text(m: Composer) -> Asked:
    x, d = m.thing()
    f = m.rng.choice(d.texts)
    c = m.s.cap("text", f.name, d)
    m.s.end(f"{x.row}.{m.s.shown(f.name)}" if x.row else m.s.call(c, x.code))
    return Asked({"q": f"the {m.s.field(f)} of {x.said}"}, lambda w: w.do(c, x.value(w)))


@made_of_parts
def composed_truth(m: Composer) -> Asked:
    b = m.condition()
    if m.rng.random() < 0.7:
        m.s.end(b.code)
        return Asked({"q": b.said, "asked": b.asked}, b.value)
    c, word, join = m.condition(), *(("and", all) if m.rng.random() < 0.6 else ("or", any))
    m.s.end(f"{b.code} {word} {c.code}")
    return Asked({"q": f"{b.said} {word} {c.said}", "asked": ""}, lambda w: join([b.value(w), c.value(w)]))


@made_of_parts
def composed_pair(m: Composer) -> Asked:
    q = m.arithmetic() if m.rng.random() < 0.3 else m.number()
    r = m.number()
    m.s.end(f"[{q.code}, {r.code}]")
    return Asked({"q": q.said, "r": r.said}, lambda w: [q.value(w), r.value(w)])


@made_of_parts
def composed_choice(m: Composer) -> Asked:
    b, draw = m.condition(), m.rng.random()
    if draw < 0.5:
        yes, no = m.rng.choice(_ANSWERS)
        q, r = (Part(m.s.quoted(t), literal(t), lambda w, t=t: t) for t in (yes, no))  # type: ignore[misc]
    else:
        q, r = m.number(), m.number()
        if not q.whole or not r.whole:
            raise Unfit
    m.s.end(f"{q.code} if {b.code} else {r.code}")
    return Asked({"q": q.said, "r": r.said, "b": b.said}, lambda w: q.value(w) if b.value(w) else r.value(w))


@made_of_parts
def composed_which(m: Composer) -> Asked:
    """Which of two things is ahead in what has to be worked out for each of them first."""
    (x, y), s = m.s.things(2), m.s
    f, g = s.rng.sample(s.d.numbers, 2)
    if g.low <= 0:
        raise Unfit
    words, code = s.rng.choice(_OF_TWO)
    parts = [(m.figure(p, s.d, f), m.figure(p, s.d, g)) for p in (m.called(x), m.called(y))]
    one, other = (code.format(a.code, b.code) for a, b in parts)
    more = s.rng.random() < 0.6
    s.end(f"{literal(x)} if {one} {'>' if more else '<'} {other} else {literal(y)}")
    q = f"the {'larger' if more else 'smaller'} {words.format(f=s.field(f), g=s.field(g))}"

    def expected(w: World) -> str:
        (a, b), (c, d) = ((p.value(w), q.value(w)) for p, q in parts)
        left, right = {"/": (a / b, c / d), "+": (a + b, c + d), "*": (a * b, c * d)}[code[3]]
        return x if (left > right if more else left < right) else y

    return Asked({"q": q, "x": s.say(x), "y": s.say(y)}, expected)
