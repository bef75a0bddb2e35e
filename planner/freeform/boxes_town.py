"""Tools of a town: a bakery, a pharmacy, a school canteen, a radio station, a tailor, a chess club."""

from __future__ import annotations

from typing import Any, TypedDict

from planner.freeform.box import Box

from llmcc import ToolError, tool

Tools = list[Any]
NAMES = ("Ines", "Oskar", "Wanda", "Tariq", "Lumi", "Bao", "Pavel", "Rosa")


class Dose(TypedDict):
    """How a medicine is taken."""

    medicine: str
    milligrams: int
    times_a_day: int


class Member(TypedDict):
    """A member of the chess club."""

    name: str
    rating: int
    games: int


def bakery(box: Box) -> Tools:
    @tool(effect="read", resource="shelf")
    def loaves_left(kind: str) -> int:
        """How many loaves of a kind of bread are left."""
        return box.number(0, 40, "loaves", kind)

    @tool(effect="read", resource="prices")
    def bread_price(kind: str) -> float:
        """The price of one loaf, in euros."""
        return box.amount(1.5, 9.0, "price", kind)

    @tool(effect="read", resource="oven")
    def oven_temperature(oven: int) -> float:
        """Degrees Celsius in an oven."""
        return box.amount(20.0, 280.0, "oven", oven)

    @tool(effect="write", resource="oven")
    def bake(kind: str, count: int) -> str:
        """Bake some loaves of a kind."""
        return f"batch {box.number(1, 99, kind, count)}"

    @tool(effect="write", resource="oven")
    def switch_off(oven: int) -> None:
        """Switch an oven off."""

    @tool(effect="read", resource="shelf")
    def breads_today() -> list[str]:
        """The kinds of bread of today."""
        return box.some(("rye", "spelt", "baguette", "ciabatta", "pumpernickel"), "today")

    return [loaves_left, bread_price, oven_temperature, bake, switch_off, breads_today]


def pharmacy(box: Box) -> Tools:
    @tool(effect="read", resource="leaflets")
    def dose(medicine: str) -> Dose:
        """How much of a medicine is taken, and how often."""
        return Dose(
            medicine=medicine,
            milligrams=box.number(5, 800, "mg", medicine),
            times_a_day=box.number(1, 4, "times", medicine),
        )

    @tool(effect="read", resource="stock")
    def packs(medicine: str) -> int:
        """Packs in stock."""
        return box.number(0, 30, "packs", medicine)

    @tool(effect="read", resource="leaflets")
    def interact(first: str, second: str) -> bool:
        """Whether two medicines must not be taken together."""
        return box.flag("interact", *sorted((first, second)))

    @tool(effect="read", resource="leaflets")
    def substitute(medicine: str) -> str:
        """Another medicine with the same effect; fails if there is none."""
        if box.flag("none", medicine):
            raise ToolError(f"nothing replaces {medicine}")
        return box.pick(("Velorin", "Astacil", "Mirotan"), "other", medicine)

    @tool(effect="write", resource="stock")
    def reorder(medicine: str, packs: int) -> str:
        """Order packs from the wholesaler."""
        return f"W{box.number(100, 999, medicine, packs)}"

    @tool(effect="write", resource="mail")
    def notify_doctor(doctor: str, note: str) -> None:
        """Send a doctor a note."""

    return [dose, packs, interact, substitute, reorder, notify_doctor]


def canteen(box: Box) -> Tools:
    @tool(effect="read", resource="menu")
    def menu(weekday: str) -> list[str]:
        """The dishes of a day."""
        return box.some(("lentil soup", "pizza", "goulash", "falafel", "pancakes", "risotto"), "menu", weekday)

    @tool(effect="read", resource="menu")
    def kilocalories(dish: str) -> int:
        """Energy of a portion."""
        return box.number(180, 1100, "kcal", dish)

    @tool(effect="read", resource="menu")
    def has_nuts(dish: str) -> bool:
        """Whether a dish holds nuts."""
        return box.flag("nuts", dish)

    @tool(effect="read", resource="till")
    def portions_sold(dish: str, weekday: str) -> int:
        """How many portions of a dish were sold on a day."""
        return box.number(0, 300, "sold", dish, weekday)

    @tool(effect="write", resource="menu")
    def strike(dish: str, weekday: str) -> None:
        """Take a dish off the menu of a day."""

    @tool(effect="write", resource="board")
    def put_up_notice(text: str) -> None:
        """Pin a notice to the board."""

    return [menu, kilocalories, has_nuts, portions_sold, strike, put_up_notice]


def radio(box: Box) -> Tools:
    @tool(effect="read", resource="schedule")
    def host_of(programme: str) -> str:
        """Who presents a programme."""
        return box.pick(NAMES, "host", programme)

    @tool(effect="read", resource="ratings")
    def listeners(programme: str, region: str = "all") -> int:
        """How many people listened last time, in thousands."""
        return box.number(1, 900, "listeners", programme, region)

    @tool(effect="read", resource="staff")
    def phone(person: str) -> str:
        """Somebody's phone number."""
        return f"0{box.number(100, 999, 'area', person)} {box.number(10000, 99999, 'line', person)}"

    @tool(effect="write", resource="schedule")
    def move(programme: str, to_hour: int) -> None:
        """Move a programme to another hour."""

    @tool(effect="write", resource="mail")
    def sms(number: str, text: str) -> None:
        """Send a text message to a phone number."""

    @tool(effect="read", resource="schedule")
    def on_air(hour: int) -> str:
        """Which programme runs at an hour."""
        return box.pick(("Morning Tea", "Jazz Attic", "Farm Hour", "Night Line"), "air", hour)

    return [host_of, listeners, phone, move, sms, on_air]


def tailor(box: Box) -> Tools:
    @tool(effect="read", resource="customers")
    def chest(customer: str) -> float:
        """Chest size in centimetres."""
        return box.amount(70.0, 140.0, "chest", customer)

    @tool(effect="read", resource="customers")
    def sleeve(customer: str) -> float:
        """Length of the arm in centimetres."""
        return box.amount(50.0, 75.0, "sleeve", customer)

    @tool(effect="read", resource="cloth")
    def metres_of(cloth: str) -> float:
        """How many metres of a cloth are in store."""
        return box.amount(0.0, 60.0, "cloth", cloth)

    @tool(effect="read", resource="cloth")
    def price_per_metre(cloth: str) -> float:
        """Euros for a metre."""
        return box.amount(4.0, 190.0, "cost", cloth)

    @tool(effect="read", resource="orders")
    def due_date(customer: str) -> str:
        """Until when a customer's suit is promised; fails if nothing is ordered."""
        if box.flag("no order", customer):
            raise ToolError(f"{customer} has ordered nothing")
        return f"2026-{box.number(1, 12, 'm', customer):02}-{box.number(1, 28, 'd', customer):02}"

    @tool(effect="write", resource="cloth")
    def cut(cloth: str, metres: float) -> None:
        """Cut off a piece of cloth."""

    return [chest, sleeve, metres_of, price_per_metre, due_date, cut]


def chess_club(box: Box) -> Tools:
    @tool(effect="read", resource="members")
    def members(section: str) -> list[Member]:
        """All members of a section: name, rating, games played."""
        return [
            Member(name=n, rating=box.number(800, 2600, "elo", n), games=box.number(0, 400, "games", n))
            for n in box.some(NAMES, "section", section)
        ]

    @tool(effect="read", resource="members")
    def rating(player: str) -> int:
        """A player's rating."""
        return box.number(800, 2600, "elo", player)

    @tool(effect="read", resource="results")
    def wins_against(player: str, opponent: str) -> int:
        """How often a player has beaten another."""
        return box.number(0, 20, "wins", player, opponent)

    @tool(effect="read", resource="members")
    def trainer(player: str) -> str:
        """Who trains a player."""
        return box.pick(NAMES, "trainer", player)

    @tool(effect="write", resource="results")
    def pair(white: str, black: str) -> str:
        """Set up a game between two players."""
        return f"table {box.number(1, 12, white, black)}"

    @tool(effect="write", resource="members")
    def promote(player: str) -> None:
        """Move a player up to the next section."""

    return [members, rating, wins_against, trainer, pair, promote]
