"""Tools out of doors: a ski resort, a harbour, an aquarium, a forest, a power grid."""

from __future__ import annotations

from typing import Any, TypedDict

from planner.freeform.box import Box

from llmcc import ToolError, tool

Tools = list[Any]


class Ship(TypedDict):
    """A ship in the harbour."""

    name: str
    tonnes: int
    flag: str
    berth: int


class Lift(TypedDict):
    """A ski lift."""

    name: str
    open: bool
    waiting_minutes: int


def ski_resort(box: Box) -> Tools:
    @tool(effect="read", resource="snow")
    def snow_depth(slope: str) -> int:
        """Centimetres of snow on a slope."""
        return box.number(0, 320, "snow", slope)

    @tool(effect="read", resource="lifts")
    def lift(name: str) -> Lift:
        """A lift: whether it runs and how long people wait."""
        return Lift(name=name, open=box.flag("open", name), waiting_minutes=box.number(0, 50, "wait", name))

    @tool(effect="read", resource="weather")
    def wind(station: str) -> float:
        """Wind in km/h at a mountain station."""
        return box.amount(0.0, 120.0, "wind", station)

    @tool(effect="write", resource="lifts")
    def stop_lift(name: str) -> None:
        """Stop a lift."""

    @tool(effect="write", resource="snow")
    def make_snow(slope: str, hours: int) -> None:
        """Run the snow cannons of a slope for some hours."""

    @tool(effect="write", resource="speakers")
    def announce(text: str) -> None:
        """Say something over the loudspeakers."""

    return [snow_depth, lift, wind, stop_lift, make_snow, announce]


def harbour(box: Box) -> Tools:
    ships = ("Albatros", "Nordstern", "Santa Clara", "Hai Feng", "Lady Ann", "Kon-Tiki II")

    def ship(name: str) -> Ship:
        return Ship(
            name=name,
            tonnes=box.number(20, 90000, "tonnes", name),
            flag=box.pick(("Panama", "Malta", "Japan"), "flag", name),
            berth=box.number(1, 40, "berth", name),
        )

    @tool(effect="read", resource="register")
    def ship_info(ship_name: str) -> Ship:
        """The register's entry of a ship."""
        return ship(ship_name)

    @tool(effect="read", resource="register")
    def ships_at(pier: str) -> list[Ship]:
        """All ships at a pier."""
        return [ship(name) for name in box.some(ships, "pier", pier)]

    @tool(effect="read", resource="tide")
    def water_level(pier: str) -> float:
        """Metres of water at a pier."""
        return box.amount(2.0, 19.0, "water", pier)

    @tool(effect="read", resource="fees")
    def harbour_fee(ship_name: str, days: int) -> float:
        """What a ship pays for some days, in euros."""
        return round(box.amount(20.0, 900.0, "fee", ship_name) * days, 2)

    @tool(effect="write", resource="radio")
    def hail(ship_name: str, message: str) -> None:
        """Call a ship over the radio."""

    @tool(effect="write", resource="tugs")
    def send_tug(ship_name: str) -> str:
        """Send a tug boat to a ship."""
        return f"tug {box.number(1, 9, 'tug', ship_name)}"

    return [ship_info, ships_at, water_level, harbour_fee, hail, send_tug]


def aquarium(box: Box) -> Tools:
    @tool(effect="read", resource="tanks")
    def fish_in(tank: int) -> list[str]:
        """The fish in a tank."""
        return box.some(("ray", "eel", "goby", "tang", "lionfish", "seahorse"), "tank", tank)

    @tool(effect="read", resource="tanks")
    def salinity(tank: int) -> float:
        """Grams of salt in a litre of a tank's water."""
        return box.amount(0.0, 42.0, "salt", tank)

    @tool(effect="read", resource="tanks")
    def volume(tank: int) -> int:
        """Litres in a tank."""
        return box.number(60, 90000, "volume", tank)

    @tool(effect="read", resource="diet")
    def grams_a_day(fish: str) -> int:
        """What a fish eats in a day."""
        return box.number(1, 900, "eats", fish)

    @tool(effect="write", resource="tanks")
    def add_salt(tank: int, grams: float) -> None:
        """Put salt into a tank."""

    @tool(effect="write", resource="tanks")
    def move_fish(fish: str, to_tank: int) -> None:
        """Move a fish to another tank."""

    return [fish_in, salinity, volume, grams_a_day, add_salt, move_fish]


def forest(box: Box) -> Tools:
    @tool(effect="read", resource="sensors")
    def dryness(area: str) -> int:
        """How dry the ground is, 0 to 100."""
        return box.number(0, 100, "dry", area)

    @tool(effect="read", resource="rangers")
    def ranger_of(area: str) -> str:
        """Who looks after an area; fails if nobody does."""
        if box.flag("nobody", area):
            raise ToolError(f"nobody looks after {area}")
        return box.pick(("Hedda", "Kofi", "Marek"), "ranger", area)

    @tool(effect="read", resource="counts")
    def deer_count(area: str, year: int) -> int:
        """Deer counted in an area in a year."""
        return box.number(0, 500, "deer", area, year)

    @tool(effect="read", resource="paths")
    def paths_through(area: str) -> list[str]:
        """The paths through an area."""
        return box.some(("Owl Path", "Ridge Trail", "Old Mill Way", "Bog Walk"), "paths", area)

    @tool(effect="write", resource="paths")
    def close_path(path: str) -> None:
        """Close a path."""

    @tool(effect="write", resource="mail")
    def call_ranger(name: str, about: str) -> None:
        """Call a ranger about something."""

    return [dryness, ranger_of, deer_count, paths_through, close_path, call_ranger]


def grid(box: Box) -> Tools:
    @tool(effect="read", resource="plants")
    def output_mw(plant: str) -> float:
        """What a power plant gives now, in megawatts."""
        return box.amount(0.0, 1400.0, "mw", plant)

    @tool(effect="read", resource="plants")
    def demand_mw(region: str) -> float:
        """What a region needs now, in megawatts."""
        return box.amount(50.0, 2400.0, "need", region)

    @tool(effect="read", resource="plants")
    def plants_of(operator: str) -> list[str]:
        """The power plants of an operator."""
        return box.some(("Birk", "Torness", "Glen A", "Glen B", "Solpark"), "plants", operator)

    @tool(effect="read", resource="market")
    def spot_price(region: str) -> float:
        """Euros for a megawatt hour."""
        return box.amount(-20.0, 400.0, "spot", region)

    @tool(effect="write", resource="plants")
    def set_output(plant: str, megawatts: float) -> None:
        """Set what a power plant gives."""

    @tool(effect="write", resource="plants")
    def shut_down(plant: str) -> None:
        """Shut a power plant down."""

    return [output_mw, demand_mw, plants_of, spot_price, set_output, shut_down]
