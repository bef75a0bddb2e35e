"""How many damaged plans mend themselves, and what the others cost to write on, beside writing them again.

    python bench/repair.py            a table
    python bench/repair.py --json     the same figures

The plans are those of `tests/driver/data/damaged.json`; the model that writes the rest is one that then knows what was
meant. Nothing is timed, so the figures are the same everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from measuring import options

from llmcc.testing.damage import Damaged
from llmcc.testing.repairing import Repair, repaired

PLANS = Path(__file__).parent.parent / "tests" / "driver" / "data" / "damaged.json"


def figures(kind: str, repairs: Iterable[Repair]) -> dict[str, Any]:
    """The sums of one kind."""
    all_of_them = list(repairs)
    mended = [one for one in all_of_them if not one.asked]
    return {
        "kind": kind,
        "plans": len(all_of_them),
        "mended": len(mended),
        "as meant": sum(one.same for one in mended),
        "as meant, asked": sum(one.same for one in all_of_them if one.asked),
        "asked": len(all_of_them) - len(mended),
        "tokens": sum(one.first + one.rest for one in all_of_them),
        "rewritten": sum(one.whole for one in all_of_them),
    }


def main() -> None:
    """Prints the figures."""
    given = options(__doc__).parse_args()
    repairs = [repaired(one) for one in msgspec.json.decode(PLANS.read_bytes(), type=list[Damaged])]
    kinds = dict.fromkeys(one.kind for one in repairs)
    rows = [figures(kind, (one for one in repairs if one.kind == kind)) for kind in kinds]
    typed = figures("all of these", (one for one in repairs if one.kind != "at random"))
    rows[-1:] = [typed, rows[-1], figures("all", repairs)]
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'':34}{'plans':>6}{'mended':>8}{'as meant':>10}{'asked':>7}{'as meant':>10}{'tokens':>8}{'rewritten':>11}")
    for row in rows:
        print(
            f"{row['kind']:34}{row['plans']:>6}{row['mended']:>8}{row['as meant']:>10}{row['asked']:>7}"
            f"{row['as meant, asked']:>10}{row['tokens']:>8}{row['rewritten']:>11}"
        )


if __name__ == "__main__":
    main()
