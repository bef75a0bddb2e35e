"""The operator's catalogue: what it says of tools that others describe, and what it may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import Effect
from llmcc.ir.signature import Parameter, Signature
from llmcc.runtime.catalog import Catalog, CatalogError
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool, tool

NAMES = st.lists(st.sampled_from(["a", "b", "a.b", "b.c.d", "Get (Tips)", "effect", "web-search"]), unique=True)
EFFECTS = st.one_of(
    st.just(Effect("pure")),
    st.builds(
        Effect,
        st.sampled_from(["read", "write"]),
        st.lists(st.sampled_from(["web", "mail:{to}", "{to}/{n}", "*"]), min_size=1, unique=True).map(tuple),
    ),
)
SECONDS: dict[object, float | None] = {None: None, 0.25: 0.25, 3: 3, "400ms": 0.4, 9: 9, "2m": 120}
FIGURES = st.fixed_dictionaries(
    {},
    optional={
        "latency": st.sampled_from([0.25, 3, "400ms"]),
        "cost_usd": st.sampled_from([0, 0.5]),
        "timeout": st.sampled_from([9, "2m"]),
        "retries": st.integers(0, 3),
        "limit": st.integers(1, 3),
    },
)


def bare(name: str, **more: Any) -> Tool:
    """A tool of which nobody has said what it does."""
    return Tool(Signature(name=name, parameters=(Parameter("to"), Parameter("n")), **more))


def written(tables: dict[str, dict[str, Any]]) -> str:
    """Tables as TOML; what is drawn here is written alike in JSON."""
    return "\n".join(
        f"[{json.dumps(name)}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )


def entry_of(effect: Effect) -> dict[str, Any]:
    return {"effect": effect.kind} | ({"resource": list(effect.resources)} if effect.resources else {})


@given(st.data())
def test_tools_get_what_is_said_of_them_and_others_stay(data: st.DataObject) -> None:
    names, others = data.draw(NAMES), data.draw(NAMES)
    said = {name: (data.draw(EFFECTS), data.draw(FIGURES)) for name in names}
    catalog = Catalog.parse(written({name: entry_of(effect) | figures for name, (effect, figures) in said.items()}))
    box = Toolbox(*(bare(name) for name in others), examples=[("q", "return 1")])
    declared = catalog.apply(box)
    nothing: tuple[Effect | None, dict[str, Any]] = None, {}
    assert list(declared) == others and declared.examples == box.examples
    for name in others:
        effect, figures = said.get(name, nothing)
        signature = declared.signatures[name]
        assert signature.effect == effect
        assert signature.retries == figures.get("retries", 0) and signature.limit == figures.get("limit")
        assert signature.cost_usd == figures.get("cost_usd")
        assert signature.latency_s == SECONDS[figures.get("latency")]
        assert signature.timeout_s == SECONDS[figures.get("timeout")]
        assert signature.parameters == box.signatures[name].parameters
    assert catalog.apply(declared).signatures == declared.signatures
    assert catalog.unknown(box).keys() == set(names) - set(others)
    assert all(one.signature.effect is None for one in box.values()), "the toolbox given is left as it was"


def test_dotted_tables_and_quoted_names_are_the_same() -> None:
    dotted = Catalog.parse('[mail]\neffect = "pure"\n[mail.send]\neffect = "read"\n[mail.send.now]\nlimit = 3\n')
    quoted = Catalog.parse('mail = {effect = "pure"}\n["mail.send"]\neffect = "read"\n["mail.send.now"]\nlimit = 3')
    assert dotted.entries == quoted.entries and len(dotted.entries) == 3


def test_the_function_is_kept() -> None:
    @tool(effect="read", resource="clock")
    def now(zone: str = "UTC") -> str:
        return f"12:00 {zone}"

    declared = Catalog.parse('[now]\neffect = "read"\nresource = "clock:{zone}"').apply(Toolbox(now))["now"]
    assert declared.signature.effect == Effect("read", ("clock:{zone}",)) and declared("CET") == "12:00 CET"
    assert declared.bind({"zone": "CET"}) == ([], {"zone": "CET"})
    assert now.signature.effect == Effect("read", ("clock",))


def test_no_promise_outlives_the_effect_that_it_was_made_for() -> None:
    promised = bare("f", effect=Effect("pure"), foldable=True, idempotent=True, latency_s=2.0, retries=3)
    declared = Catalog.parse('[f]\neffect = "write"\nresource = "web"').apply(Toolbox(promised)).signatures["f"]
    assert (declared.foldable, declared.idempotent) == (False, False)
    assert (declared.latency_s, declared.retries) == (2.0, 3), "figures are said one by one"
    only_figures = Catalog.parse("[f]\nlatency = 1").apply(Toolbox(promised)).signatures["f"]
    assert only_figures == msgspec.structs.replace(promised.signature, latency_s=1.0)
    assert Catalog.parse('[f]\neffect = "pure"\nfoldable = true').apply(Toolbox(promised)).signatures["f"].foldable


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[a]\neffect = "reads"', "a: the effect is 'pure', 'read' or 'write', not 'reads'"),
        ('[a]\nresource = "web"', "a: the effect is 'pure', 'read' or 'write', not None"),
        ('[a]\neffect = "pure"\nresource = "web"', "a: a pure tool touches no resource"),
        ('[a]\neffect = "read"\nresource = ["web", ""]', "a: a resource is a text"),
        ('[a]\neffect = "read"\nresource = [1]', r"a: expected `str`, got `int` - at `\$.resource\[0\]`"),
        ('[a]\neffect = "read"\nresorce = "web"', "a: there is no entry `resorce`"),
        ('[a]\neffect = "read"\nfoldable = true', "a: only a pure tool is foldable"),
        ("[a]\nretries = true", r"a: expected `int \| null`, got `bool`"),
        ("[a]\nretries = -1", "a: retries are 0 or more"),
        ("[a]\nlimit = 0", "a: the limit is 1 or more"),
        ("[a]\ncost_usd = -0.1", "a: the cost is a number of dollars"),
        ('[a]\nlatency = "soon"', "a: 'soon' is no duration"),
        ("[a]\ntimeout = inf", "a: inf is no duration that can be waited for"),
        ('effect = "read"', "'effect' stands in no tool's table"),
        ('[[a]]\neffect = "read"', "'a' stands in no tool's table"),
        ('[a]\neffect = "read"\n[a]\n', r"twice \(at line 3"),
        ("[a", "at end of document"),
        ("a = " + "[" * 100_000, "nested too deeply"),
    ],
)
def test_what_makes_no_sense_is_refused_with_file_and_tool(text: str, reason: str) -> None:
    with pytest.raises(CatalogError, match=f"^ours.toml: .*{reason}"):
        Catalog.parse(text, "ours.toml")


def test_what_does_not_fit_the_tool_is_refused() -> None:
    with pytest.raises(CatalogError, match=r"effects.toml: f: the resource 'x:\{from\}' names 'from'"):
        Catalog.parse('[f]\neffect = "read"\nresource = "x:{from}"').apply(Toolbox(bare("f")))
    written_by_others = bare("f", effect=Effect("write", ("x",)))
    with pytest.raises(CatalogError, match="f: only a pure tool is foldable"):
        Catalog.parse("[f]\nfoldable = true").apply(Toolbox(written_by_others))


def test_names_that_no_tool_has_are_known_with_the_nearest() -> None:
    catalog = Catalog.parse('[serch]\neffect = "read"\n[fly]\neffect = "write"\n[find]\neffect = "read"')
    assert catalog.unknown(Toolbox(bare("search"), bare("find"))) == {"fly": None, "serch": "search"}


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "effects.toml"
    file.write_bytes(b'\xef\xbb\xbf[f]\neffect = "pure"')
    assert list(Catalog.read(file).entries) == ["f"]
    file.write_bytes(b'[f]\neffect = "\xff"')
    with pytest.raises(CatalogError, match="no UTF-8"):
        Catalog.read(file)
    with pytest.raises(CatalogError, match=r"none.toml: No such file"):
        Catalog.read(tmp_path / "none.toml")
