"""How things are called: people, places, codes, dates, in several scripts. Training and evaluation share no name."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from random import Random

_ONSET = "b br c ch d dr f g gr h j k kl l m n p pr qu r s sh st t th tr v w z".split()
_VOWEL = "a e i o u ai ea ou y ei".split()
_CODA = ["", "", "", "n", "r", "l", "s", "m", "nd", "rk", "th", "x", "ck", "ll"]
_TAIL = "ville burg stead mouth ford ham ton berg field more sund vik".split()
_ABROAD = {
    "Cyrillic": "Ба Ве Гор До Жу Зи Ка Ле Мир Но По Ру Са Те Фё Ши".split(),
    "Greek": "Αθ Βη Γαλ Δε Ζω Θα Κα Λυ Μη Νι Πα Ρο Στ Φω Χι".split(),
    "kana": "あ か さ た な は ま や ら わ き し ち に み り".split(),
    "Han": "山 林 石 田 江 海 東 北 金 安 平 和 大 小 青 白".split(),
    "Hangul": "가 나 다 라 마 바 사 아 자 차 하 강 남 동 서 김".split(),
    "Latin": "Å Ø É Ü Ñ Ç Š Ž Ł Ö".split(),
}
_WORDS = (
    "amber anvil barley beacon bramble brook cedar cinder clover cobalt copper coral crane dapple delta ember falcon "
    "fern flint garnet glade granite harbor hazel heron indigo ivory jasper juniper kestrel lantern larch lilac linden "
    "maple marble marsh meadow mistral moss nettle oak onyx opal orchid osprey pebble pine plover quartz raven reed "
    "ridge rowan saffron sage sable sienna slate sorrel sparrow spruce stone swift tansy teal thistle umber valley "
    "velvet walnut willow wren yarrow zephyr"
).split()
_NOUNS = (
    "lamp kettle desk chair drill rope blanket mug clock jacket tent wrench candle basket mirror ladder bench scarf "
    "pan knife bottle pillow torch shelf wheel glove hose bucket saw brush"
).split()
_MONTHS = "January February March April May June July August September October November December".split()
_COMPANIES = ["Ltd", "GmbH", "& Sons", "Inc.", "AG", "Works", "Group", "Brothers", "Inn", "House"]
_MESSAGES = (
    "the {w} is late|please call back|we meet at {n}|bring the {w}|it is fixed now|no {w} today|{n} of them are broken|"
    'he said "{w}"|see page {n}|don\'t forget the {w}|thanks, all fine|the code is {w}-{n}|price: {n} EUR|'
    "ready at {n}:30|back on 2026-0{d}-1{d}|{w}, {w} and {w}|urgent: {w}|déjà vu|50% off the {w}|to do: {w}"
).split("|")


def trained(name: str) -> bool:
    """Whether a name belongs to training; a fifth of all names belongs to evaluation.

    >>> [name for name in ("amber", "brook", "cedar", "fern") if not trained(name)]
    ['amber', 'cedar']
    """
    return zlib.crc32(name.encode()) % 5 != 0


def entity(rng: Random, way: str, *, training: bool | None = None) -> str:
    """A name of a way that `domains.toml` uses; of training or of evaluation, if that is said."""
    while True:
        name = _WAYS[way](rng)
        if training is None or trained(name) == training:
            return name


def message(rng: Random) -> str:
    """A text that somebody is to be sent."""
    text = rng.choice(_MESSAGES)
    while "{w}" in text:
        text = text.replace("{w}", rng.choice(_WORDS), 1)
    return text.replace("{n}", str(rng.randint(2, 99))).replace("{d}", str(rng.randint(1, 9)))


def invented(rng: Random, syllables: int | None = None) -> str:
    """A word that nobody has seen, in small letters."""
    count = syllables or rng.randint(1, 3)
    return "".join(rng.choice(_ONSET) + rng.choice(_VOWEL) + rng.choice(_CODA) for _ in range(count))


def _abroad(rng: Random) -> str:
    script = rng.choice(sorted(_ABROAD))
    pieces = [rng.choice(_ABROAD[script]) for _ in range(rng.randint(2, 3))]
    return pieces[0] + invented(rng) if script == "Latin" else "".join(pieces).capitalize()


def _proper(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.12:
        return _abroad(rng)
    if draw < 0.35:
        return rng.choice(_WORDS).capitalize()
    return invented(rng).capitalize()


def _person(rng: Random) -> str:
    first, last = _proper(rng), _proper(rng)
    draw = rng.random()
    if draw < 0.08:
        return f"{first} O'{last}"
    if draw < 0.16:
        return f"{first} {rng.choice('ABDEHKLMRT')}. {last}"
    if draw < 0.24:
        return f"{first}-{last}"
    return first if draw < 0.34 else f"{first} {last}"


def _place(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.15:
        return f"{rng.choice(['Mount', 'Lake', 'Port', 'Saint', 'New', 'Old', 'Upper', 'El'])} {_proper(rng)}"
    if draw < 0.35:
        return _proper(rng) + rng.choice(_TAIL)
    return f"{_proper(rng)} {_proper(rng)}" if draw < 0.45 else _proper(rng)


def _title(rng: Random) -> str:
    a, b, c = (rng.choice(_WORDS) for _ in range(3))
    forms = (f"The {a.capitalize()} {b.capitalize()}", f"{a.capitalize()} and {b}", f"A {a} in {_proper(rng)}")
    odd = (
        f"{_proper(rng)}'s {a}",
        f"{a.capitalize()}: {b} & {c}",
        f'The "{a}" {b}',
        f"{a.upper()} {rng.randint(2, 9)}",
    )
    return rng.choice(forms + odd)


def _thing(rng: Random) -> str:
    noun = rng.choice(_NOUNS)
    return rng.choice((f"{rng.choice(_WORDS)} {noun}", f"{noun} {rng.choice('ABCDX')}{rng.randint(2, 99)}", noun))


def _code(rng: Random) -> str:
    letters = "".join(rng.choice("ABCDEFGHKLMNPRSTUVWXZ") for _ in range(rng.randint(1, 3)))
    return rng.choice(
        (f"{letters}{rng.randint(2, 9999)}", f"{letters}-{rng.randint(2, 999)}", f"{letters}.{rng.randint(1, 99)}")
    )


def _id(rng: Random) -> str:
    number = rng.randint(100, 9999999)
    return rng.choice(
        (f"#{number}", f"#W{number}", f"{_code(rng)}/{rng.randint(20, 26)}", f"{number}", f"INV-{number}")
    )


def _date(rng: Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2019, 2027)
    return rng.choice(
        (f"{year}-{month:02}-{day:02}", f"{day} {_MONTHS[month - 1]} {year}", f"{_MONTHS[month - 1]} {day}")
    )


_WAYS: dict[str, Callable[[Random], str]] = {
    "person": _person,
    "place": _place,
    "title": _title,
    "thing": _thing,
    "code": _code,
    "id": _id,
    "date": _date,
    "word": lambda rng: rng.choice(_WORDS) if rng.random() < 0.4 else invented(rng),
    "company": lambda rng: f"{_proper(rng)} {rng.choice(_COMPANIES)}",
    "slug": lambda rng: f"{rng.choice(_WORDS)}-{rng.choice((invented(rng), str(rng.randint(1, 99))))}",
    "month": lambda rng: f"{rng.choice(_MONTHS)} {rng.randint(2019, 2027)}",
    "small": lambda rng: rng.choice((str(rng.randint(1, 40)), f"{rng.choice('ABCDE')}{rng.randint(1, 9)}")),
    "address": lambda rng: f"{rng.randint(1, 240)} {_proper(rng)} {rng.choice(('Street', 'Road', 'Lane', 'Way'))}",
}
