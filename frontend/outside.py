"""What belongs to a plan and what is only text around it, told line by line without looking ahead.

A line counts as a statement when it has a statement's form or could be one that was badly written: a doubt is an error
of the parser, never a line left out.
"""

from __future__ import annotations

import re
import unicodedata

FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,})[^`]*")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_NAME = r"(?:[^\W\d]|\$)[\w$]*"  # with letters of any alphabet: those that no name has are an error
_STATEMENT = re.compile(
    rf"""
      [#$@]                                           # a comment, a value, a decorator
    | Thought:
    | <END_OF_PLAN>
    | \d+\s*[.):]                                     # `1.`, and what stands for it
    | (?:return|join)(?![\w'])
    | [\[{{]                                          # a comprehension, a tool call as JSON
    | [\]}})(,;:=+*/%<>&|!.]*[\]}})][\]}}),;\s]*$     # what is left of a statement that was broken
    | `[^`]*`\s*\(
    | (?:let|const|var|val|await)\s+{_NAME}\s*[=(.]
    | {_NAME}(?:\s*\.\s*\w+)*                         # a name, dotted or not, and then:
      (?: \(                                          #   a call
        | \s+\(\s*(?:$|["'`$\[{{)\d-]|f["']|{_NAME}\s*[=,.)(])
        | \s*[:+*/%-]?=                               #   a definition
        | \s*:\s*\w*\s*=
        | (?:\s*,\s*{_NAME})+\s*=
        | \[
        | \s*"
        | \s+['`]                                     #   an argument without its parenthesis
      )
    | [^\s=(){{}}\[\]"'`:/?&<>]+\s*=(?!=)                # what would be a definition, if its name were one
    | import\s+[\w.]+\s*$ | from\s+[\w.]+\s+import\s  # statements of Python
    | (?:async\s+)?def\s+\w+\s*\( | for\s+\w+\s+in\s.*:\s*$ | (?:if|elif|while|with)\s.*:\s*$ | (?:else|try)\s*:\s*$
    """,
    re.VERBOSE,
)
# Something that people and models put before a statement: a bullet, `Step 1:`, `Action:`.
LABEL = re.compile(r"(?:[-*+•>]+|\*{0,2}[A-Za-z]*\s*\d*\s*[:.)>-]\*{0,2})\s+(?=\S)")


def is_fence(line: str) -> bool:
    """Whether the line opens or closes a block of Markdown.

    >>> is_fence("```plan"), is_fence("`a b`(1)")
    (True, False)
    """
    return FENCE.fullmatch(line) is not None


def is_statement(line: str) -> bool:
    """Whether the line is to be read as a statement; an empty one is.

    >>> [is_statement(line) for line in ('a = f()', 'serch "x"', '1. search("x"', "Sure! A plan:", "It's done.")]
    [True, True, True, False, False]
    """
    text = line if line.isascii() else unicodedata.normalize("NFKC", line[:400]).replace("“", '"').replace("”", '"')
    text = _INVISIBLE.sub("", text[:400]).strip()
    if not text or _STATEMENT.match(text):
        return True
    label = LABEL.match(text)
    return label is not None and _STATEMENT.match(text, label.end()) is not None
