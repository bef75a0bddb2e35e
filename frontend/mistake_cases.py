"""Syntax errors by example: one table of what people and models write, what it is called, and how it is mended.

The first case whose finder answers tells what is wrong with a line. The examples are what the tests run.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from llmcc.frontend import mistakes_form as form
from llmcc.frontend import mistakes_lex as lex
from llmcc.frontend import mistakes_value as value
from llmcc.frontend.mistakes import Bad, Found


class Case(msgspec.Struct, frozen=True):
    """A kind of mistake. `{}` in the message is what the finder names; the examples are malformed lines."""

    code: str
    message: str
    help: str | None
    find: Callable[[Bad], Found | None]
    examples: tuple[str, ...]


#: Tried in this order: what spoils all else comes first, then a line's form, then its inside.
CASES = (
    Case("E0106", "{} is a typographic quote", 'strings stand in `"` or `\'`', lex.typographic_quote,
         ("a = search(“height of K2”)", "1. search(‘x’)")),
    Case("E0107", "{} only looks like a character of the language", None, lex.look_alike,
         ("１. search(\"x\")", 'a = search（"x"）', "a = 1\u00a0+ 2", "a = 3 \u2212 1")),
    Case("E0118", "a string with three quotes is no part of the language", "write one line, and `\\n` for a line's end",
         lex.triple_quote, ('a = search("""x""")',)),
    Case("E0213", "the text ends in the middle of this statement", None, form.cut_off, ()),
    Case("E0103", "the string is not closed", "end it with `{}`; a line's end within a string is written `\\n`",
         lex.unclosed_string, ('a = search("x)', "1. search('x')  \"", 'b = "abc', 'a = search(query="x, limit=3)')),
    Case("E0104", "{} is no escape", "write `\\\\` for a backslash", lex.bad_escape,
         (r'a = search("\d+")', r'b = "\u12"', r'b = f"\p"')),
    Case("E0105", "{} is half of a surrogate pair, which is no character", None, lex.lone_surrogate,
         (r'a = "\ud800"', r'a = "\udc00\ud800"')),
    Case("E0117", "{} is no hole of an f-string: a hole holds a reference with a path",
         "give the value a name in a statement before, or write `{{{{` for a brace", lex.bad_hole,
         ('a = f"{x + 1}"', 'a = f"{f(x)}"', 'a = f"{}"', 'a = f"{x:.2f}"', 'a = f"{1}"', 'a = f"}"',
          'a = f"{x"', 'a = F"{x}"')),
    Case("E0109", "{} is not how a number is written", "write digits, a point with digits on both sides, an exponent",
         lex.bad_number, ("a = 007", "a = 1_000", "a = 0x1F", "a = .5", "a = f(5.)")),
    Case("E0212", "a tool call is not written as JSON", "write `tool(name=value)`", form.json_call,
         ('{"name": "search", "arguments": {"query": "x"}}', '[{"name": "search", "parameters": {"q": 1}}]',
          '{"name":')),
    Case("E0205", "a number is followed by {}, not by `.`", None, form.number_sign,
         ('1) search("x")', '2: search("x")')),
    Case("E0222", "a statement begins with `name =`, not with {}", "a name is defined once, by one word", form.target,
         ("$x = f()", "x += 1", "$1 = f()", "x.y = f()", "a, b = f()", "let x = f()", "x: int = f()",
          "x := f()", "x[0] = f()")),
    Case("E0231", "{} stands before the statement", "a statement begins with its number, name or tool", form.label,
         ('- search("x")', '* a = search("x")', 'Step 1: search("x")', 'Action: search("x")')),
    Case("E0216", "a statement has a number or a name, not both", None, form.number_and_name, ('3. x = search("a")',)),
    Case("E0217", "{} takes no number", None, form.numbered_return, ("4. return $3", "2. Thought: what now")),
    Case("E0209", "{} is a word of the language and cannot be a name", "choose another name", form.keyword_target,
         ('in = search("x")', 'join = f()')),
    Case("E0211", "{} begins a statement of Python, which plans do not have",
         "a plan has calls, `when`, and `[f(x) for x in xs]`", form.python_statement,
         ("import os", "for x in xs:", "def f(x):", "if x > 1:", "else:", "async def f():", 'await search("x")')),
    Case("E0236", "the arguments of {} stand in no parentheses", None, form.missing_parentheses,
         ('serch "x"', '1. search "x", 3', 'a = search "x"')),
    Case("E0223", "`join` {}", "it ends the plan: `join(a, b)`", form.join_form,
         ("join", "join a, b", "x = join(a)", "x = 1 + join(a)", "3. join $1")),
    Case("E0203", "{} closes no bracket that is open", None, form.wrong_closer,
         ('search("x"))', 'a = search("x"]', "a = [1, 2)", ")")),
    Case("E0208", "`=` gives a name; `==` compares", None, value.single_equals,
         ("a = f() when x = 1", "a = 1 if x = 2 else 3")),
    Case("E0204", "a second statement stands on this line", "begin a new line", form.two_statements,
         ("a = f() b = g()", 'search("x") search("y")', "a = f(); b = g()", 'f("x"), g("y")', "1. f() 2. g()")),
    Case("E0207", "{} compares what is itself a comparison", "write `a < b and b < c`", value.chained_comparison,
         ("x = a < b < c", "x = f() when 1 <= n <= 3", "x = a == b in c")),
    Case("E0235", "`:` stands between a parameter and its value", "write `name=value`", value.colon_for_equals,
         ('search(query: "x")', 'a = search(query: "x", limit: 3)', 'search("query": "x")')),
    Case("E0220", "the key {} is no string", None, value.dict_key,
         ('a = {name: "x"}', 'a = {"b": 1, c: 2}', "a = {1: 2}")),
    Case("E0218", "{}", "clauses stand in the order `when`, `after`, `catch`, each at most once", form.clause_order,
         ("a = f() catch null when x", "a = f() when x when y", "f() catch 1 after b")),
    Case("E0224", "`after` names {}, a number, where it takes values", None, form.after_number,
         ("a = f() after 1", "a = f() after b, 2", "f() after 1, 2")),
    Case("E0225", "a comprehension has one `for`", "write two statements", value.second_for,
         ("a = [y for x in xs for y in x]",)),
    Case("E0228", "a comprehension stands in `[` and `]`", None, value.foreign_comprehension,
         ("a = (x for x in xs)", "a = max(x for x in xs)", 'a = {"k": x for x in xs}')),
    Case("E0226", "a slice has no step", "write `x[start:stop]`", value.slice_step, ("a = x[::2]", "a = x[1:5:2]")),
    Case("E0210", "{} cannot be called: only tools can, by their name",
         "values have no methods; pass the value to a tool or a built-in", value.call_of_value,
         ("a = $1.foo()", 'a = "x".upper()', "a = x[0](1)", "$1()", "2. $1.a.upper()")),
    Case("E0209", "{} is a word of the language and cannot be a name", "choose another name", value.keyword_value,
         ("x = f(else)", "f(a, in)")),
    Case("E0227", "{} is no part of the language", None, value.foreign_word,
         ("a = lambda x: x", "a = x is None", "a = x is not None", "a = f(*xs)", "a = 2 ** 3", "a = f(x => 1)")),
    Case("E0221", "a comma is missing here", None, value.missing_comma,
         ('a = f("x" "y")', "a = [1 2]", 'a = f(x=1 y=2)', 'a = {"a": 1 "b": 2}')),
    Case("E0232", "the statement goes on in the next line", "write a statement on one line", form.several_lines,
         ("a = search(", "a = [1,", 'a = {"k": f(1),')),
    Case("E0202", "{} is not closed", None, form.unclosed,
         ('1. search("x"', "a = f(g(1)", "a = [1, 2", 'a = {"a": 1', "a = f(1 when x",
          "join(a, b<END_OF_PLAN>", "a = f(1 # why")),
    Case("E0115", "{} has no meaning here", None, lex.strange_character,
         ("a = x && y", "a = f();", "a = x ? 1 : 2", "@f(1)", "a = !x", "a = f(x) | g")),
    Case("E0116", "{} is no name: a name has ASCII letters, digits and `_`", None, lex.foreign_letter,
         ("höhe = f()", "a = größe + 1", "s\u0435arch(1)", "\u0430 = f()")),
    Case("E0215", "a value without a name has to be a call or a list comprehension", "give it a name: `x = ...`",
         form.unnamed_value, ("1. $1 + 2", "[1, 2]", "1. x", "$1 == 2")),
)  # fmt: skip
