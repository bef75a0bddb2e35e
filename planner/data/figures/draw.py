"""Draws questions about figures with their plans; all are of shapes that training may have."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from planner.data.boxes.check import Drawn, check
from planner.data.figures.asker import Asker
from planner.data.figures.comparing import Asked
from planner.data.figures.desk import Desk
from planner.data.figures.read import table
from planner.data.scene import Unfit, as_asked

#: How many figures a tool knows that is told which is wanted, and how many have tools of their own.
TOGETHER, APART = (5, 34), (4, 8)


def figure_episode(seed: int, index: int, questions: int) -> list[Drawn]:
    """Questions over the same tools, checked; the same for the same arguments, everywhere and always."""
    rng = Random(f"figures/{seed}/{index}")
    many = rng.random() < 0.65
    figures = rng.sample(sorted(table().figure), rng.randint(*(TOGETHER if many else APART)))
    texts = rng.sample(sorted(table().text), rng.choice((0, 0, 1, 2, 3, 5)))
    desk = Desk(rng, figures, texts, together=many)
    asker = Asker(rng, desk)
    ways = rng.choices(list(_WAYS), weights=[weight for weight, _ in _WAYS.values()], k=2 * questions)
    made = [asked for way in ways if (asked := _asked(asker, way)) is not None]
    drawn = [Drawn("figures", as_asked(rng, text), plan, desk.signatures) for text, plan in made[:questions]]
    for one in drawn:
        check(one)
    return drawn


def _asked(asker: Asker, way: str) -> Asked:
    """A question that is asked in a way; None where no figure of the tools can be asked for so."""
    try:
        return _WAYS[way][1](asker)
    except Unfit:
        return None


_WAYS: dict[str, tuple[int, Callable[[Asker], Asked]]] = {
    "one": (18, Asker.one),
    "both": (3, Asker.both),
    "more": (13, Asker.more),
    "less": (9, Asker.less),
    "difference": (11, Asker.difference),
    "total": (8, Asker.total),
    "average": (5, Asker.average),
    "highest": (5, Asker.highest),
    "lowest": (3, Asker.lowest),
    "winner": (5, Asker.winner),
    "above": (5, Asker.above),
    "converted": (8, Asker.converted),
    "text": (14, Asker.text),
    "chain": (9, Asker.chain),
    "unknown": (3, Asker.unknown),
}
