"""Parts that are worked out from others: sums, differences, ratios, and conditions on them."""

from __future__ import annotations

from planner.data.compose import COMPARES, OVER, Finder, Part
from planner.data.scene import Unfit

_TURNED = {">": "<=", "<": ">=", ">=": "<", "<=": ">"}


class Composer(Finder):
    """Draws parts over a scene's domain: what can be found, and what is made of that."""

    def arithmetic(self) -> Part:
        """A number that is worked out from others."""
        return self.rng.choice((self._sum, self._difference, self._ratio, self._ratio, self._scaled, self._larger))()

    def _sum(self) -> Part:
        a, b = self.two()
        said = self.rng.choice(("{} plus {}", "the sum of {} and {}", "{} and {} together")).format(a.said, b.said)
        return Part(said, f"{a.inner} + {b.inner}", lambda w: a.value(w) + b.value(w), whole=False)

    def _difference(self) -> Part:
        a, b = self.two()
        forms: tuple[str, ...] = ("{} minus {}", "the difference of {} and {}", "what is left of {} without {}")
        forms += ("{} less {}", "the amount by which {} exceeds {}")
        said = self.rng.choice(forms).format(a.said, b.said)
        return Part(said, f"{a.inner} - {b.inner}", lambda w: a.value(w) - b.value(w), whole=False)

    def _ratio(self) -> Part:
        a, b = self.two(positive=True) if self.rng.random() < 0.7 else (self.number(), self.number(self.positive()))
        said = self.rng.choice(
            ("{} divided by {}", "the ratio of {} to {}", "{} over {}", "{} as a multiple of {}")
        ).format(a.said, b.said)
        return Part(said, f"{a.inner} / {b.inner}", lambda w: a.value(w) / b.value(w), whole=False)

    def _scaled(self) -> Part:
        a = self.number()
        said, code, by = self.rng.choice(
            (
                ("half of", "{} / 2", 0.5),
                ("twice", "2 * {}", 2),
                ("a third of", "{} / 3", 1 / 3),
                ("ten times", "10 * {}", 10),
            )
        )
        return Part(f"{said} {a.said}", code.format(a.inner), lambda w: a.value(w) * by, whole=False)

    def _larger(self) -> Part:
        (a, b), larger = self.two(), self.rng.random() < 0.6
        if "(" in a.code + b.code:
            raise Unfit
        words = ("larger", "greater", "higher") if larger else ("smaller", "lesser", "lower")
        of = max if larger else min
        said = f"the {self.rng.choice(words)} of {a.said} and {b.said}"
        return Part(said, f"{of.__name__}({a.code}, {b.code})", lambda w: of(a.value(w), b.value(w)))

    def condition(self, *, limits: bool = True) -> Part:
        """Something that is so or not: a number beside a limit or another number, or what is said of a thing.

        `limits`: whether a number may stand beside one that the question has.
        """
        s, draw = self.s, self.rng.random()
        if draw < 0.3:
            x, d = self.thing()
            flag = self.rng.choice(d.flags)
            c = s.cap("flag", flag, d)
            code = s.call(c, x.code)
            asked, said = f"Is {x.said} {flag}?", f"{x.said} is {flag}"
            return Part(said, code, lambda w: w.do(c, x.value(w)), asked=asked, denied=f"not {code}")
        sign = self.rng.choice((">", ">", "<", ">=", "<="))
        if draw < 0.75 and limits:
            x, d = self.thing()
            f = s.number(of=d)
            a, v = self.figure(x, d, f), s.between(f)
            b = Part(str(v), str(v), lambda w: v)
        else:
            a, b = self.two()
        word, fits = self.rng.choice(OVER[sign]), COMPARES[sign]
        return Part(
            f"{a.said} is {word} {b.said}",
            f"{a.inner} {sign} {b.inner}",
            lambda w: fits(a.value(w), b.value(w)),
            asked=f"Is {a.said} {word} {b.said}?",
            denied=f"{a.inner} {_TURNED[sign]} {b.inner}",
            whole=False,
        )
