"""Pay agreements as people write them: TOML, or a table (CSV, xlsx) with one agreement in a row.

Amounts are yuan and percents decimal text. In a table the columns have the names of the TOML keys, and a
cell of several sums separates them by ";": "meal=300.00; phone=50.00".
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hr_core.errors import InputFileError
from hr_core.law.national import Fen
from hr_core.money import MAX_FEN, parse_exact, parse_yuan
from hr_core.pay.agreement import AgreedFacts, PayAgreement
from hr_core.people.file import read_file
from hr_core.spreadsheet import SUFFIXES, read_rows, refuse_doubled
from hr_core.toml_text import parse_toml

_WHOLE = 100  # percent
_REMEDY = "correct it and import the file again (docs/pay-schemes.md); nothing was stored"
_YES = {"yes": True, "true": True, "1": True, "是": True}
_NO = {"no": False, "false": False, "0": False, "否": False, "": False}


class AgreementRow(AgreedFacts, frozen=True, kw_only=True, rename={"since": "from"}):
    """`person`: an employee number, or key:… ; the sums of PayAgreement in yuan."""

    person: str
    since: date
    base: Fen
    allowances: dict[str, Fen] = msgspec.field(default_factory=dict)
    untaxed: dict[str, Fen] = msgspec.field(default_factory=dict)
    heat_allowance: Fen = Fen(0)
    insurance_base: Fen | None = None
    fund_base: Fen | None = None
    special_deductions: dict[str, Fen] = msgspec.field(default_factory=dict)

    def terms(self) -> PayAgreement:
        """Raises ValueError for what no pay can rest on."""
        facts = {name: getattr(self, name) for name in AgreedFacts.__struct_fields__}
        terms = PayAgreement(
            base_fen=self.base.fen,
            allowances=_fen_of(self.allowances),
            untaxed=_fen_of(self.untaxed),
            heat_allowance_fen=self.heat_allowance.fen,
            insurance_base_fen=None if self.insurance_base is None else self.insurance_base.fen,
            fund_base_fen=None if self.fund_base is None else self.fund_base.fen,
            special_deductions=_fen_of(self.special_deductions),
            **facts,
        )
        _check(terms)
        return terms


_SUMS = ("allowances", "untaxed", "special_deductions")
_FLAGS = tuple(field.name for field in msgspec.structs.fields(AgreedFacts) if field.type is bool)


class ReadAgreement(Struct, frozen=True):
    """`where`: the key or the row of the file."""

    where: str
    person: str
    since: date
    terms: PayAgreement


class _File(Struct, forbid_unknown_fields=True):
    agreement: list[Any]


def read_agreements(path: Path) -> tuple[ReadAgreement, ...]:
    """Raises InputFileError naming the key or the row."""
    table = path.suffix.casefold() in SUFFIXES
    found = []
    for where, row in _table(path) if table else _toml(path):
        try:
            one = msgspec.convert(row, AgreementRow, dec_hook=_fen)
            found.append(ReadAgreement(where, one.person, one.since, one.terms()))
        except (msgspec.ValidationError, ValueError) as exc:
            message, _, key = str(exc).partition(" - at ")
            raise InputFileError(
                message, file=str(path), key=where + key.strip("`$"), remedy=_REMEDY
            ) from exc
    if not found:
        raise InputFileError(
            "holds no agreement", file=str(path), key="(file)", remedy="add [[agreement]] tables"
        )
    return tuple(found)


def _toml(path: Path) -> Iterator[tuple[str, Any]]:
    read = parse_toml(read_file(path), _File, file=str(path), remedy=_REMEDY)
    for at, row in enumerate(read.agreement):
        yield f"agreement[{at}]", row


def _table(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    rows = read_rows(path)
    header = rows[0].cells if rows else ()
    refuse_doubled(path, header)
    for row in rows[1:]:
        cells = dict(zip(header, row.cells, strict=False))
        where = f"row {row.number}"
        try:
            yield where, {key: _cell(key, text) for key, text in cells.items() if key and text}
        except ValueError as exc:
            raise InputFileError(str(exc), file=str(path), key=where, remedy=_REMEDY) from exc


def _cell(key: str, text: str) -> object:
    if key in _SUMS:
        parts = [part.partition("=") for part in text.split(";") if part.strip()]
        sums = {name.strip(): amount.strip() for name, _, amount in parts}
        if len(sums) < len(parts):
            raise ValueError(f"{key}: {text!r} names one sum twice")
        return sums
    if key in _FLAGS:
        known: Mapping[str, bool] = _YES | _NO
        if text.casefold() not in known:
            raise ValueError(f"{key}: {text!r} is neither yes nor no")
        return known[text.casefold()]
    if key == "children":
        return int(text)
    if key == "from":
        return date.fromisoformat(text)
    return text


def _check(terms: PayAgreement) -> None:
    amounts = [terms.base_fen, terms.heat_allowance_fen, *terms.allowances.values()]
    amounts += [*terms.untaxed.values(), *terms.special_deductions.values()]
    amounts += [one for one in (terms.insurance_base_fen, terms.fund_base_fen) if one is not None]
    if min(amounts) < 0 or max(amounts) > MAX_FEN:
        raise ValueError("an amount is below zero or beyond any pay")
    if not 0 <= parse_exact(terms.floating_percent) <= _WHOLE:
        raise ValueError(f"floating_percent {terms.floating_percent} is not from 0 to 100")
    for text in (terms.coefficient_min, terms.coefficient_max):
        if text and parse_exact(text) < 0:
            raise ValueError(f"coefficient {text} is below zero")


def _fen_of(sums: Mapping[str, Fen]) -> dict[str, int]:
    return {name: amount.fen for name, amount in sums.items()}


def _fen(target: type, value: object) -> Fen:
    if target is not Fen or not isinstance(value, str):
        raise ValueError(f'{value!r} is not an amount in yuan as text, like "5200.00"')
    return Fen(parse_yuan(value))
