"""What Lark makes of `plan.lark`, as plain data: it can be kept in a file that is read in no time and runs no code.

Lark is imported only where such data does not exist yet.
"""

from __future__ import annotations

from typing import Any

import msgspec

#: A terminal whose pattern is longer than this is compiled once for all states, not once for each.
_LONG = 200


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """One way to write a nonterminal: it replaces the last `size` values.

    `method` makes the value of those at the places `keep`. The places of `spliced` hold lists, whose items are taken.
    If `single`, one value stands for itself. No `method`: the value is the list, to be spliced elsewhere.
    """

    head: str
    size: int
    keep: tuple[int, ...]
    spliced: tuple[int, ...]
    single: bool
    method: str | None


class Scan(msgspec.Struct, frozen=True, array_like=True):
    """What may come next in some state: a pattern with a group for each terminal, and which words are keywords.

    `long`: the terminals with long patterns; they go first.
    """

    pattern: str
    long: frozenset[str]
    words: dict[str, str]


class Tables(msgspec.Struct, frozen=True, array_like=True):
    """An LALR(1) parser.

    `actions` says for each state and terminal which state follows, or which rule applies (its place, inverted).
    `gotos` says which state follows a nonterminal. `scans` says for each state which of `scanners` finds its terminals.
    """

    start: int
    end: int
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]
    rules: list[Rule]
    scans: list[int]
    scanners: list[Scan]
    ignored: str
    long: str


def make_tables(grammar: str, start: str) -> Tables:
    """The tables of a grammar in Lark's form, and of one of its rules.

    Raises:
        lark.exceptions.GrammarError: the grammar is wrong, or not LALR(1).
    """
    import lark

    made: Any = lark.Lark(grammar, parser="lalr", start=start, maybe_placeholders=False)
    table = made.parser.parser._parse_table
    numbers = {state: number for number, state in enumerate(table.states)}
    places = {rule: place for place, rule in enumerate(made.rules)}
    actions: list[dict[str, int]] = [{} for _ in numbers]
    gotos: list[dict[str, int]] = [{} for _ in numbers]
    terminals = {terminal.name for terminal in made.terminals} | {"$END"}
    for state, number in numbers.items():
        for symbol, (action, to) in table.states[state].items():
            kept = (actions if symbol in terminals else gotos)[number]
            kept[str(symbol)] = numbers[to] if action is lark.parsers.lalr_analysis.Shift else ~places[to]
    lexers = made.parser.lexer.lexers
    distinct = list({id(lexer): lexer for lexer in lexers.values()}.values())
    ignored = set(made.ignore_tokens)
    return Tables(
        start=numbers[table.start_states[start]],
        end=numbers[table.end_states[start]],
        actions=actions,
        gotos=gotos,
        rules=[_rule(rule) for rule in made.rules],
        scans=[next(i for i, lexer in enumerate(distinct) if lexer is lexers[state]) for state in numbers],
        scanners=[_scan(lexer, ignored) for lexer in distinct],
        ignored="|".join(terminal.pattern.to_regexp() for terminal in made.terminals if terminal.name in ignored),
        long=_alternatives(filter(_is_long, made.parser.lexer.root_lexer.terminals)),
    )


def _rule(rule: Any) -> Rule:
    """A symbol whose name starts with `_` is spliced; tokens that the grammar does not name are left out."""
    parts = [(place, symbol) for place, symbol in enumerate(rule.expansion)]
    keep = [(place, symbol) for place, symbol in parts if not (symbol.is_term and symbol.filter_out)]
    spliced = tuple(place for place, symbol in keep if not symbol.is_term and symbol.name.startswith("_"))
    inlined = rule.origin.name.startswith("_") and not rule.alias
    return Rule(
        head=str(rule.origin.name),
        size=len(rule.expansion),
        keep=tuple(place for place, _ in keep),
        spliced=spliced,
        single=bool(rule.options.expand1) and not rule.alias,
        method=None if inlined else str(rule.alias or rule.origin.name),
    )


def _scan(lexer: Any, ignored: set[str]) -> Scan:
    scanner = lexer.scanner
    words = {
        str(word.pattern.value): str(word.name) for found in lexer.callback.values() for word in found.scanner.terminals
    }
    terminals = [terminal for terminal in scanner.terminals if terminal.name not in ignored]
    long = [terminal for terminal in terminals if _is_long(terminal)]
    assert terminals[: len(long)] == long, "the order of terminals says which wins"
    return Scan(_alternatives(terminals[len(long) :]), frozenset(str(terminal.name) for terminal in long), words)


def _is_long(terminal: Any) -> bool:
    return len(terminal.pattern.to_regexp()) > _LONG


def _alternatives(terminals: Any) -> str:
    return "|".join(f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})" for terminal in terminals)
