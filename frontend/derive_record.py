"""What stands between the braces of a record that is written out."""

from __future__ import annotations

from collections.abc import Sequence

from llmcc.frontend.forms import Form, Rules, Use, either, optional, seq


def entries(rules: Rules, name: str, fields: Sequence[tuple[str, Form, bool]], more: Form | None) -> Form:
    """The fields in their order, those that are not required at will, then `more`, which names further ones.

    Args:
        rules: gets the rules that are needed, called `name` and a number.
        name: different for each record.
        fields: of each the key as it is written, the value's form and whether it is required.
        more: further entries with commas between them, at least one; None if there are none.
    """
    behind = more  # what may follow, without a comma before it
    must = False  # whether something has to
    for place, (key, value, required) in reversed([*enumerate(fields)]):
        if behind is not None and not required:
            rules[f"{name}_{place}"] = behind  # it stands there twice, and so would all that is in it
            behind = Use(f"{name}_{place}")
        tail = seq("") if behind is None else seq(", ", behind) if must else optional(seq(", ", behind))
        here = seq(f"{key}: ", value, tail)
        behind = here if required or behind is None else either(here, behind)
        must = must or required
    return seq("") if behind is None else behind if must else optional(behind)
