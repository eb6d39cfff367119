"""What was entered for approval, as pairs, tables and texts that a person can read, each with its cap.

Nothing that money depends on is left out silently: what a cap cuts is counted.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from hr_core.approvals.changes import FEN_BY_NAME
from hr_core.pay.line_words import words as line_words
from hr_core.web.fact_words import amount_text
from hr_core.web.words import CODES, Words

# A pay agreement has 25 fields; a page of more is not read but scrolled through.
MOST_PAIRS = 200
# A workshop's bonuses on one page; a file of more is read in the file.
MOST_ROWS = 200
# Wider ones tell each row as pairs.
MOST_COLUMNS = 7
MOST_TEXT = 20_000
MOST_VALUE = 300

_FEN_OF_BALANCE = frozenset({"income", "contributions", "special", "withheld"})
# For programs: hashes over what is shown, and traces, which the payslip page explains.
_FOR_PROGRAMS = frozenset({"digest", "trace", "schema"})
_LINE = frozenset({"label", "label_zh", "amount_fen", "side"})
_KINDS = frozenset({"kind"})
_ORDER = {name: at for at, name in enumerate(CODES["approval_field"])}


class Pair(Struct, frozen=True, kw_only=True):
    label: str
    value: str


class Table(Struct, frozen=True, kw_only=True):
    """`columns` empty: too many of them, and each row is told as pairs. `left_out`: rows behind the cap."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Pair, ...], ...]
    left_out: int


class Text(Struct, frozen=True, kw_only=True):
    """`left_out`: characters behind the cap."""

    label: str
    text: str
    left_out: int


class Content(Struct, frozen=True, kw_only=True):
    pairs: tuple[Pair, ...]
    tables: tuple[Table, ...]
    texts: tuple[Text, ...]
    pairs_left_out: int

    @property
    def cut(self) -> bool:
        return bool(
            self.pairs_left_out
            or any(one.left_out for one in self.tables)
            or any(one.left_out for one in self.texts)
        )


def readable(content: Any, words: Words, names: Mapping[str, str]) -> Content:
    """`names`: of people, by key."""
    reader = _Reader(words, names)
    if not isinstance(content, dict):
        content = {"content": content}
    reader.read(content, ())
    return Content(
        pairs=tuple(reader.pairs[:MOST_PAIRS]),
        tables=tuple(reader.tables),
        texts=tuple(reader.texts),
        pairs_left_out=max(0, len(reader.pairs) - MOST_PAIRS),
    )


class _Reader:
    def __init__(self, words: Words, names: Mapping[str, str]) -> None:
        self._words = words
        self._names = names
        self.pairs: list[Pair] = []
        self.tables: list[Table] = []
        self.texts: list[Text] = []

    def read(self, found: dict[str, Any], path: tuple[str, ...]) -> None:
        for key, value in _ordered(found):
            place = (*path, key)
            if key in _FOR_PROGRAMS:
                continue
            if isinstance(value, dict):
                self.read(value, place)
            elif isinstance(value, list) and value and all(isinstance(x, dict) for x in value):
                self.tables.append(self._table(place, value))
            elif isinstance(value, str) and ("\n" in value or len(value) > MOST_VALUE):
                cut = max(0, len(value) - MOST_TEXT)
                label = self._label(place)
                self.texts.append(Text(label=label, text=value[:MOST_TEXT], left_out=cut))
            else:
                self.pairs.append(Pair(label=self._label(place), value=self._value(place, value)))

    def _table(self, place: tuple[str, ...], rows: list[dict[str, Any]]) -> Table:
        shown = [tuple(self._row(row)) for row in rows[:MOST_ROWS]]
        columns = tuple(dict.fromkeys(pair.label for row in shown for pair in row))
        if len(columns) <= MOST_COLUMNS:
            shown = [_in_columns(row, columns) for row in shown]
        else:
            columns = ()
        return Table(
            title=self._label(place),
            columns=columns,
            rows=tuple(shown),
            left_out=max(0, len(rows) - MOST_ROWS),
        )

    def _row(self, row: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[Pair]:
        """Without what is empty, so that what was agreed stands out."""
        if row.keys() >= _LINE:
            name = self._words.label(str(row["label"]), str(row["label_zh"]))
            side = self._words.of("side", str(row["side"]))
            yield Pair(label=self._words.of("approval_field", "label"), value=name)
            yield Pair(label=self._words.of("approval_field", "side"), value=side)
            yield Pair(
                label=self._words.of("approval_field", "amount_fen"),
                value=amount_text(row["amount_fen"]),
            )
            return
        for key, value in _ordered(row):
            place = (*path, key)
            if key in _FOR_PROGRAMS or value in (None, "", [], {}):
                continue
            if isinstance(value, dict):
                yield from self._row(value, place)
            else:
                yield Pair(label=self._label(place), value=self._value(place, value))

    def _label(self, place: tuple[str, ...]) -> str:
        """Of a sum by name its own name stands behind that of the group."""
        known = self._words.of("approval_field", place[-1])
        if len(place) > 1 and place[-2] in FEN_BY_NAME:
            return f"{self._words.of('approval_field', place[-2])} · {self._by_name(place[-1])}"
        return known

    def _by_name(self, name: str) -> str:
        return self._words.of("fact", name)

    def _value(self, place: tuple[str, ...], value: Any) -> str:
        match value:
            case None | "" | []:
                return "–"
            case bool():
                return self._words("yes") if value else self._words("no")
            case int():
                return amount_text(value) if _is_fen(place) else str(value)
            case list():
                return _capped(", ".join(self._value(place, one) for one in value))
            case dict():
                inner = {(*place, key): one for key, one in value.items()}
                told = (f"{self._label(at)}: {self._value(at, one)}" for at, one in inner.items())
                return _capped("; ".join(told))
            case _:
                return self._text(place[-1], str(value))

    def _text(self, key: str, text: str) -> str:
        if key in {"person", "number"} and text in self._names:
            return f"{self._names[text]} {text}"
        return self._kind(text) if key in _KINDS else _capped(text)

    def _kind(self, code: str) -> str:
        both = line_words().names.get(code)
        if both is not None:
            return both[0] if self._words.language == "zh" else both[1]
        known = self._words.of("fact_value", f"kind={code}")
        return code if known == f"kind={code}" else known


def _ordered(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """As the catalogue names the fields: stored content has them by the alphabet."""
    return sorted(found.items(), key=lambda item: _ORDER.get(item[0], len(_ORDER)))


def _is_fen(place: tuple[str, ...]) -> bool:
    inside = place[-2] if len(place) > 1 else ""
    return (
        place[-1].endswith("_fen")
        or inside in FEN_BY_NAME
        or (inside == "balance" and place[-1] in _FEN_OF_BALANCE)
    )


def _in_columns(row: tuple[Pair, ...], columns: tuple[str, ...]) -> tuple[Pair, ...]:
    there = {pair.label: pair.value for pair in row}
    return tuple(Pair(label=name, value=there.get(name, "–")) for name in columns)


def _capped(text: str) -> str:
    return text if len(text) <= MOST_VALUE else f"{text[:MOST_VALUE]}…"
