"""The simulated terminal's faults as text, `segment_bytes=1,lose=0.2`: for command lines.

Every knob is a field of Faults, Disturbance, Wear, or one of those of TerminalConfig that are
quirks; what it does is told by the line of its class's docstring.
"""

import codecs
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, get_type_hints

from simulators.zk_terminal.config import Disturbance, Faults, TerminalConfig
from simulators.zk_terminal.worn_log import Wear

_DIRECTIONS: Final = ("to_terminal", "from_terminal")
_ELSEWHERE: Final = frozenset({"seed", *_DIRECTIONS})
_QUIRKS: Final = (
    "clock_offset_s", "clock_drift_ppm", "clock_jump_after_s", "clock_jump_s", "packet_bytes",
    "inline_bytes", "lone_chunks", "buffered", "record_capacity", "user_capacity",
    "operation_log", "answers_restart", "event_bytes", "code_page",
)  # fmt: skip
_OF_TCP: Final = frozenset({"segment_bytes", "join_frames", "drop_connections", "close_after"})
_WORDS: Final[dict[Any, str]] = {
    bool: "yes|no",
    int: "NUMBER",
    float: "NUMBER",
    str: "TEXT",
    bytes: "HEX",
    frozenset[int]: "NUMBER+NUMBER…",
}
_SHARES: Final = frozenset({"lose", "duplicate", "reorder"})
_AT_LEAST_ONE: Final = frozenset(
    {"segment_bytes", "join_frames", "wrong_checksum_every", "packet_bytes", "event_bytes"}
)
_EITHER_SIGN: Final = frozenset({"clock_offset_s", "clock_drift_ppm", "clock_jump_s"})
_REPLY_CODES: Final = frozenset({"refuse_connect", "refuse_auth", "refuse_table"})
_LARGEST: Final = 0x7FFF_FFFF  # counts are signed 32-bit numbers on the wire
_LARGEST_CODE: Final = 0xFFFF
_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_Group = Literal["faults", "network", "config", "wear"]


class UnknownKnobError(ValueError):
    """`name` is no knob; `known` are all."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f'no such fault "{name}"')
        self.name = name
        self.known = known


class KnobValueError(ValueError):
    """A value that the knob cannot take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """`only` is the transport over which it does something, "" for both."""

    name: str
    group: _Group
    kind: Any
    does: str
    only: Literal["", "tcp", "udp"]

    @property
    def values(self) -> str:
        """What stands behind the equals sign, for a list of knobs."""
        known = getattr(self.kind, "__args__", ())
        return _WORDS.get(self.kind) or "|".join(map(str, known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a text of faults means. `config` are fields to replace in a TerminalConfig; `used`, the
    knobs that were set.
    """

    faults: Faults
    wear: Wear
    config: Mapping[str, Any]
    used: tuple[Knob, ...]

    def without_effect(self, transport: str) -> list[str]:
        """The knobs that do nothing over `transport`."""
        return [knob.name for knob in self.used if knob.only not in ("", transport)]


def all_knobs() -> dict[str, Knob]:
    """By name, in the order of their classes."""
    return {knob.name: knob for knob in _knobs()}


def parse_faults(text: str, *, seed: int = 0, faults: Faults | None = None) -> Setting:
    """`name=value,name=value`; a bare `name` is yes. Of the network, a name alone means both
    directions, `to_terminal.lose` one of them. What is not named stays as in `faults`.

    Raises UnknownKnobError and KnobValueError.
    """
    knobs = all_knobs()
    chosen: dict[str, dict[str, Any]] = {"faults": {}, "config": {}, "wear": {}}
    network: dict[str, dict[str, Any]] = {way: {} for way in _DIRECTIONS}
    used = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        given, equals, value = (word.strip() for word in part.partition("="))
        way, name = _way_and_name(given)
        knob = knobs.get(name)
        if knob is None or (way and knob.group != "network"):
            raise UnknownKnobError(given, tuple(knobs))
        read = _read(knob, value if equals else "yes")
        used.append(knob)
        if knob.group == "network":
            for direction in [way] if way else _DIRECTIONS:
                network[direction][name] = read
        else:
            chosen[knob.group][name] = read
    faults = faults or Faults()
    ways = {way: replace(getattr(faults, way), **values) for way, values in network.items()}
    return Setting(
        faults=replace(faults, seed=seed, **ways, **chosen["faults"]),
        wear=Wear(**chosen["wear"]),
        config=chosen["config"],
        used=tuple(used),
    )


def _way_and_name(given: str) -> tuple[str, str]:
    way, dot, name = given.partition(".")
    return (way, name) if dot and way in _DIRECTIONS else ("", given)


def _knobs() -> Iterator[Knob]:
    for group, owner in _OWNERS.items():
        lines = _docstring_lines(owner)
        hints = get_type_hints(owner)
        for field in fields(owner):
            if field.name in _ELSEWHERE or (owner is TerminalConfig and field.name not in _QUIRKS):
                continue
            only: Literal["", "tcp", "udp"] = "tcp" if field.name in _OF_TCP else ""
            yield Knob(
                name=field.name,
                group=group,
                kind=_required(hints[field.name]),
                does=lines[field.name],
                only="udp" if group == "network" else only,
            )


_OWNERS: Final[dict[_Group, type[Any]]] = {
    "faults": Faults,
    "network": Disturbance,
    "config": TerminalConfig,
    "wear": Wear,
}


def _docstring_lines(owner: type) -> dict[str, str]:
    """`name   what it does`, one field a line; deeper lines go on."""
    lines: dict[str, str] = {}
    name = ""
    for line in (inspect.getdoc(owner) or "").splitlines():
        if found := re.fullmatch(r"(\w+) {2,}(\S.*)", line):
            name, lines[name] = found[1], found[2]
        elif name and line.startswith("  "):
            lines[name] += f" {line.strip()}"
        else:
            name = ""
    return lines


def _required(hint: Any) -> Any:
    """The type without None."""
    kinds = [kind for kind in getattr(hint, "__args__", ()) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and type(None) in hint.__args__ else hint


def _read(knob: Knob, text: str) -> Any:
    try:
        if knob.kind is bool:
            return _YES[text.lower()]
        if knob.kind is bytes:
            return bytes.fromhex(text)
        if knob.kind == frozenset[int]:
            return frozenset(int(number, 0) for number in text.split("+"))
        if getattr(knob.kind, "__origin__", None) is Literal:
            return {str(value): value for value in knob.kind.__args__}[text]
        if knob.kind is str:
            return codecs.lookup(text).name if knob.name == "code_page" else text
        return _in_range(knob.name, knob.kind(text))
    except (LookupError, ValueError) as exc:
        raise KnobValueError(f'{knob.name} takes {knob.values}, not "{text}"') from exc


def _in_range(name: str, number: float) -> float:
    lowest, highest = float(name in _AT_LEAST_ONE), float(_LARGEST)
    if name in _SHARES:
        highest = 1.0
    elif name in _REPLY_CODES:
        highest = _LARGEST_CODE
    elif name in _EITHER_SIGN:
        lowest = -highest
    if not lowest <= number <= highest:
        raise ValueError
    return number
