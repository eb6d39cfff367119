"""What an approval changes, field by field: before and after.

"Before" is what held when it was decided, or holds now while it waits. Values are JSON values; names
that end in `_fen` are fen, rates are text with their percent sign.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.accounts.field_policy import Sight
from hr_core.approvals.desk import Approval, ApprovalState, approvals_in
from hr_core.approvals.kinds import Kind
from hr_core.errors import CoreError, InputFileError
from hr_core.law.book import LawBook
from hr_core.law.imported import read_law_text
from hr_core.law.loading import built_in_rows
from hr_core.law.rows import LawRow
from hr_core.money import decimal_text
from hr_core.pay.agreement import DatedAgreement, PayAgreement
from hr_core.pay.proposals import AgreementProposal
from hr_core.pay.scheme import Scheme, SchemeEdition, built_in_scheme_text, parse_scheme
from hr_core.store.law_files import read_law_files
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.people import load_roster, scheme_text

# Sums of whole fen by name or by code, whose keys do not say it.
FEN_BY_NAME = frozenset({"allowances", "untaxed", "special_deductions"})
_FEN_OF_LAW = ("floor", "ceiling", "amount", "employer_fixed", "employee_fixed")
# Where a row of law stands is its heading, not a change.
_PLACE_OF_LAW = ("city", "district", "item", "since", "until", "status", "source")
# By which field a row of a list is the same row in both.
_NAMES_OF_ROWS = ("type", "city", "at_least")


class FieldChange(Struct, frozen=True):
    """`path`: the field's name, behind those of what it stands in; None: nothing is there."""

    path: tuple[str, ...]
    before: Any
    after: Any


class AgreementChange(Struct, frozen=True, kw_only=True):
    """`replaces` None: the person had no agreement on that day."""

    person: str
    since: str
    replaces: int | None
    fields: tuple[FieldChange, ...]


class LawChange(Struct, frozen=True, kw_only=True):
    """`before`: the row that holds on the first day of `row`, or the last that ended before; `stays`: it
    goes on holding, as it is better trusted.
    """

    row: LawRow
    before: LawRow | None
    stays: bool
    fields: tuple[FieldChange, ...]


class EditionChange(Struct, frozen=True, kw_only=True):
    """`before`: version of the edition that is in force on the first day; "": there is none."""

    version: str
    since: str
    before: str
    gone: bool = False
    fields: tuple[FieldChange, ...] = ()


class SchemeChange(Struct, frozen=True, kw_only=True):
    """`against`: code of the scheme that it is compared with; "": there is none."""

    code: str
    against: str
    editions: tuple[EditionChange, ...]


class Changes(Struct, frozen=True, kw_only=True):
    """`unreadable`: why the entered text is none that could pay; `skipped`: rows of it without use."""

    agreements: tuple[AgreementChange, ...] = ()
    law: tuple[LawChange, ...] = ()
    scheme: SchemeChange | None = None
    skipped: int = 0
    unreadable: str = ""

    def __bool__(self) -> bool:
        return bool(self.agreements or self.law or self.scheme or self.unreadable)


def changes_of(conn: sa.Connection, one: Approval, sight: Sight) -> Changes:
    """Empty for kinds whose content says it itself, and for content that another program entered in
    another form: it is shown as it was entered. What `sight` hides is None on both sides.
    """
    try:
        match one.kind:
            case Kind.PAY_AGREEMENT:
                return Changes(agreements=tuple(_agreements(conn, _entered(one), sight)))
            case Kind.LAW:
                return _law(conn, one, msgspec.convert(one.content, _EnteredLaw))
            case Kind.SCHEME:
                return Changes(
                    scheme=_scheme(conn, one, msgspec.convert(one.content, _EnteredScheme))
                )
            case _:
                return Changes()
    except InputFileError as exc:
        return Changes(unreadable=str(exc))
    except msgspec.ValidationError:
        return Changes()


class _EnteredAgreements(Struct):
    agreements: list[AgreementProposal]


class _EnteredLaw(Struct):
    text: str
    file: str


class _EnteredScheme(Struct):
    text: str
    file: str
    code: str


def _entered(one: Approval) -> list[AgreementProposal]:
    """Of a file, or the only one. Raises msgspec.ValidationError."""
    if isinstance(one.content, dict) and "agreements" in one.content:
        return msgspec.convert(one.content, _EnteredAgreements).agreements
    return [msgspec.convert(one.content, AgreementProposal)]


def _agreements(
    conn: sa.Connection, entered: Sequence[AgreementProposal], sight: Sight
) -> Iterator[AgreementChange]:
    if not entered:
        return
    last = max(row.valid_from for row in entered)
    held = agreements_until(conn, last, {row.person for row in entered})
    for row in entered:
        before = _numbered(held.get(row.person, ()), row.replaces)
        terms = PayAgreement(base_fen=0) if before is None else before.terms
        found = _differences(
            _flat(msgspec.to_builtins(terms)), _flat(msgspec.to_builtins(row.terms))
        )
        if before is None:
            found = [replace(field, before=None) for field in found]
        yield AgreementChange(
            person=row.person,
            since=row.valid_from.isoformat(),
            replaces=None if before is None else before.number,
            fields=tuple(_masked(field, sight) for field in sorted(found, key=_sums_first)),
        )


def _numbered(held: Sequence[DatedAgreement], number: int | None) -> DatedAgreement | None:
    return next((one for one in held if one.number == number), None)


def _law(conn: sa.Connection, one: Approval, entered: _EnteredLaw) -> Changes:
    read = read_law_text(entered.text, entered.file)
    until = one.decided_at
    there = [
        row
        for file in read_law_files(conn)
        if until is None or file.added_at < until
        for row in read_law_text(file.text, file.file).rows
    ]
    before = LawBook((*built_in_rows(), *there))
    after = LawBook((*before.rows, *read.rows))
    found = []
    for row in read.rows:
        place = (row.city, row.item, row.since, row.district)
        held, holds = before.find(*place) or _last_ended(before, row), after.find(*place)
        fields = _differences({} if held is None else _told_law(held), _told_law(row))
        stays = held is not None and holds is held
        found.append(LawChange(row=row, before=held, stays=stays, fields=tuple(fields)))
    return Changes(law=tuple(found), skipped=len(read.skipped))


def _last_ended(book: LawBook, new: LawRow) -> LawRow | None:
    """Rows of a year end, and the next year's follows them."""
    ended = [
        row
        for row in book.rows
        if (row.city, row.item) == (new.city, new.item)
        and row.district in ("", new.district)
        and row.until is not None
        and row.until <= new.since
    ]
    return max(ended, key=lambda row: (row.since, row.status.trust), default=None)


def _told_law(row: LawRow) -> dict[tuple[str, ...], Any]:
    told = msgspec.to_builtins(row, enc_hook=_percent)
    for name in _PLACE_OF_LAW:
        del told[name]
    found = {f"{key}_fen" if key in _FEN_OF_LAW else key: value for key, value in told.items()}
    return {place: value for place, value in _flat(found).items() if value not in (False, 0)}


def _scheme(conn: sa.Connection, one: Approval, entered: _EnteredScheme) -> SchemeChange:
    new = parse_scheme(entered.text, file=entered.file)
    old = _scheme_before(conn, one, entered.code)
    editions = [_edition(old, edition) for edition in new.edition]
    kept = {edition.since for edition in new.edition}
    if old is not None and old.code == new.code:
        editions += [
            EditionChange(
                version=gone.version, since=gone.since.isoformat(), before=gone.version, gone=True
            )
            for gone in old.edition
            if gone.since not in kept
        ]
    return SchemeChange(
        code=new.code, against="" if old is None else old.code, editions=tuple(editions)
    )


def _scheme_before(conn: sa.Connection, one: Approval, code: str) -> Scheme | None:
    """The same scheme as it holds; of a new one the scheme that the site pays by."""
    if one.decided_at is not None:
        earlier = approvals_in(conn, ApprovalState.APPROVED, Kind.SCHEME, one.subject)
        at = one.decided_at
        texts = [
            (done.decided_at, done.content["text"])
            for done in earlier
            if done.decided_at is not None and done.decided_at < at
        ]
        text = max(texts)[1] if texts else None
    else:
        text = scheme_text(conn, code)
        roster = load_roster(conn)
        if text is None and roster is not None and roster.scheme:
            text = scheme_text(conn, roster.scheme) or built_in_scheme_text(roster.scheme)
    return None if text is None else parse_scheme(text, file="the scheme in force")


def _edition(old: Scheme | None, new: SchemeEdition) -> EditionChange:
    before = None
    if old is not None:
        try:
            before = old.on(new.since)
        except CoreError:  # it begins before the first one did
            before = None
    fields = _differences({} if before is None else _told_edition(before), _told_edition(new))
    return EditionChange(
        version=new.version,
        since=new.since.isoformat(),
        before="" if before is None else before.version,
        fields=tuple(fields),
    )


def _told_edition(edition: SchemeEdition) -> dict[tuple[str, ...], Any]:
    told = msgspec.to_builtins(edition, enc_hook=_decimal)
    return _flat({key: value for key, value in told.items() if key not in {"version", "from"}})


def _flat(value: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """By path, without what is empty; rows of a list stand under the field that names them."""
    found: dict[tuple[str, ...], Any] = {}
    for key, one in value.items():
        place = (*path, str(key))
        if isinstance(one, list | tuple) and one and all(isinstance(row, dict) for row in one):
            for at, row in enumerate(one, 1):
                name = next((key for key in _NAMES_OF_ROWS if key in row), None)
                inner = {key: cell for key, cell in row.items() if key != name}
                found |= _flat(inner, (*place, str(row[name]) if name else str(at)))
        elif isinstance(one, dict):
            found |= _flat(one, place)
        elif one not in (None, "", [], ()):
            found[place] = one
    return found


def _differences(
    before: Mapping[tuple[str, ...], Any], after: Mapping[tuple[str, ...], Any]
) -> list[FieldChange]:
    """In the order of the new one, then what is gone."""
    places = dict.fromkeys((*after, *before))
    return [
        FieldChange(place, before.get(place), after.get(place))
        for place in places
        if before.get(place) != after.get(place)
    ]


def _sums_first(field: FieldChange) -> bool:
    name = field.path[0]
    return not (name.endswith("_fen") or name in FEN_BY_NAME)


def _masked(field: FieldChange, sight: Sight) -> FieldChange:
    hidden = not sight.names.isdisjoint(field.path)
    return FieldChange(field.path, None, None) if hidden else field


def _percent(value: object) -> str:
    assert isinstance(value, Fraction)  # noqa: S101 - the one type that msgspec does not know
    return f"{decimal_text(value * 100)} %"


def _decimal(value: object) -> str:
    assert isinstance(value, Fraction)  # noqa: S101 - as above
    return decimal_text(value)
