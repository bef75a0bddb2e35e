"""Runs the tables of a grammar over one line of text: a scanner that knows the state, shifts and reductions.

It does what Lark's own engine does, without the work that a line of a plan has no use for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from sys import intern
from typing import Any

import msgspec

from llmcc.frontend.tables import Rule, Tables

_END = "$END"
Match = Callable[[str, int], re.Match[str] | None]
Build = Callable[..., Any]
#: For terminals with long patterns: how to find one, and which may come; for the others; what is a keyword.
_Scanner = tuple[Match, frozenset[str], Match, dict[str, str]]


class Token(msgspec.Struct, frozen=True, gc=False):
    """A terminal, its text and where it starts, from 1."""

    type: str
    text: str
    line: int
    column: int


class Malformed(Exception):
    """No statement goes on like this at the character `at`, where one of the terminals `expected` could stand."""

    def __init__(self, at: int, expected: frozenset[str]) -> None:
        super().__init__(f"malformed at {at}")
        self.at = at
        self.expected = expected


class Parser:
    """A parser whose reductions call the methods of `builder`."""

    def __init__(self, tables: Tables, builder: object) -> None:
        self._tables = tables
        self._reductions = [(rule.size, rule.head, _reduction(rule, builder)) for rule in tables.rules]
        self._skip = re.compile(rf"\A(?:{tables.ignored})*+").sub
        self._climbs: dict[tuple[int, int, str], int] = {}
        # What a state's scanner needs is compiled when the state is first met: a small plan meets few of them.
        self._scanners: list[_Scanner | None] = [None] * len(tables.scanners)

    def parse(self, text: str, line: int) -> Any:
        """What the builder makes of `text`, which is line `line` of a plan.

        Raises:
            Malformed: it does not follow the grammar.
            LiteralError: the builder's.
        """
        actions, scans, scanners = self._tables.actions, self._tables.scans, self._scanners
        states: list[int] = [self._tables.start]
        values: list[Any] = []
        at = 0
        while True:
            state = states[-1]
            match_long, long, match, words = scanners[scans[state]] or self._scanner(scans[state])
            found = match_long(text, at) if long else None
            if found is None or found.lastgroup not in long:
                found = match(text, at)
            if found is None:
                break
            kind: str = found.lastgroup  # type: ignore[assignment]  # every alternative has a name
            # A plan says the same names over and over: each is kept once.
            word, column, at = intern(found[kind]), found.start(kind), found.end()
            kind = words.get(word, kind)
            action = actions[state].get(kind, -1)
            if action < 0:
                action = self._reduce(states, values, kind, column)
            states.append(action)
            values.append(Token(kind, word, line, column + 1))
        rest = text[at:]
        at = len(text) - len(self._skip("", rest))
        if at < len(text):
            raise Malformed(at, self._accepted(states))
        self._reduce(states, values, _END, at)
        return values[0]

    def _reduce(self, states: list[int], values: list[Any], kind: str, at: int) -> int:
        """Replaces what is complete before a terminal; returns the state that the terminal, or the end, leads to."""
        actions, gotos, reductions = self._tables.actions, self._tables.gotos, self._reductions
        while True:
            action = actions[states[-1]].get(kind)
            if action is None:
                raise Malformed(at, self._accepted(states))
            if action >= 0:
                return action
            size, head, build = reductions[~action]
            if build is None:
                states[-1] = self._climb(states[-2], states[-1], kind)
                continue
            first = len(values) - size
            value = build(*values[first:])
            del values[first:], states[first + 1 :]
            values.append(value)
            states.append(gotos[states[-1]][head])
            if states[-1] == self._tables.end:
                return states[-1]

    def _climb(self, below: int, state: int, kind: str) -> int:
        """The state after all rules that only rename the last value: they are many, one for each level of operators."""
        known = self._climbs.get((below, state, kind))
        if known is not None:
            return known
        first = state
        while (action := self._tables.actions[state].get(kind, 0)) < 0 and self._reductions[~action][2] is None:
            state = self._tables.gotos[below][self._reductions[~action][1]]
        self._climbs[below, first, kind] = state
        return state

    def _accepted(self, states: list[int]) -> frozenset[str]:
        """The terminals that could follow."""
        return frozenset(kind for kind in self._tables.actions[states[-1]] if self._leads_on(states, kind))

    def _leads_on(self, states: list[int], kind: str) -> bool:
        states = list(states)
        action = self._tables.actions[states[-1]].get(kind)
        while action is not None and action < 0:
            size, head, _ = self._reductions[~action]
            del states[len(states) - size :]
            states.append(self._tables.gotos[states[-1]][head])
            if states[-1] == self._tables.end:
                return True
            action = self._tables.actions[states[-1]].get(kind)
        return action is not None

    def _scanner(self, number: int) -> _Scanner:
        scan, skip = self._tables.scanners[number], f"(?:{self._tables.ignored})*+"
        # All states share the patterns that take long to compile; what of them a state does not allow is passed over.
        long = re.compile(f"{skip}(?:{self._tables.long})").match
        # A state that allows no others gets what matches nothing.
        made = self._scanners[number] = (
            long,
            scan.long,
            re.compile(f"{skip}(?:{scan.pattern or '(?!)'})").match,
            scan.words,
        )
        return made


def _reduction(rule: Rule, builder: object) -> Build | None:
    """How to make a value of the values of a rule; None if its only value stays as it is."""
    keep, spliced = rule.keep, frozenset(rule.spliced)
    if rule.method is None:
        return lambda *values: _kept(values, keep, spliced)
    if rule.single:
        assert rule.size == 1, f"nothing says what is made of {rule.head}"
        return None
    method: Build = getattr(builder, rule.method)
    if spliced:
        return lambda *values: method(*_kept(values, keep, spliced))
    if len(keep) == rule.size:
        return method
    return lambda *values: method(*[values[place] for place in keep])


def _kept(values: Sequence[Any], keep: tuple[int, ...], spliced: frozenset[int]) -> list[Any]:
    kept: list[Any] = []
    for place in keep:
        if place in spliced:
            kept.extend(values[place])
        else:
            kept.append(values[place])
    return kept
