"""Gives the inner parts of rules names of their own.

Lark writes out choices and bounded repetitions within a sequence as all their combinations, which are soon millions;
llama.cpp copies what is repeated, and refuses a grammar if that becomes too much.
"""

from __future__ import annotations

from llmcc.frontend.forms import Choice, Form, Repeat, Rules, Sequence, Use, is_terminal


def flattened(rules: Rules, *, terminals: bool = False) -> Rules:
    """The same language, each choice and each bounded repetition in a rule of its own; with `terminals` there too."""
    made: dict[Form, str] = {}
    flat: Rules = {}
    for name, form in rules.items():
        flat[name] = form if is_terminal(name) and not terminals else _inside(form, made, flat)
    return flat


def _inside(form: Form, made: dict[Form, str], flat: Rules) -> Form:
    """`form` with its parts named, itself as it is."""
    if isinstance(form, Sequence):
        return Sequence(tuple(_named(item, made, flat) for item in form.items))
    if isinstance(form, Choice):
        return Choice(
            tuple(
                _inside(item, made, flat) if isinstance(item, Sequence) else _named(item, made, flat)
                for item in form.items
            )
        )
    if isinstance(form, Repeat):
        item = _named(form.item, made, flat, always=form.most != 1)
        return Repeat(item, form.least, form.most)
    return form


def _named(form: Form, made: dict[Form, str], flat: Rules, *, always: bool = False) -> Form:
    plain_option = isinstance(form, Repeat) and form.most in (1, None)
    if not isinstance(form, Choice | Repeat) and not (always and isinstance(form, Sequence)):
        return _inside(form, made, flat) if isinstance(form, Sequence) else form
    if plain_option:
        return _inside(form, made, flat)
    if form not in made:
        made[form] = f"x{len(made)}"
        flat[made[form]] = _inside(form, made, flat)
    return Use(made[form])
