"""What an approval changes, laid beside each other: a table for a page and for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from hr_core.approvals.changes import (
    FEN_BY_NAME,
    AgreementChange,
    Changes,
    EditionChange,
    FieldChange,
    LawChange,
    SchemeChange,
)
from hr_core.web.approval_subject import person_text
from hr_core.web.fact_words import amount_text
from hr_core.web.words import CODES, Words

# Of the largest file that a person reads to the end; what is more is counted.
MOST_ROWS = 500
_LONGEST_VALUE = 200
_BEFORE_AFTER = ("changed_field", "before", "after")


class ChangeTable(Struct, frozen=True, kw_only=True):
    """`lead`: what stands before it; `left_out`: rows behind the cap."""

    lead: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int


def change_table(changes: Changes, names: Mapping[str, str], words: Words) -> ChangeTable | None:
    """None: there is nothing to lay beside each other."""
    lead: tuple[str, ...]
    if changes.unreadable:
        lead = (words("unreadable", why=changes.unreadable),)
        return ChangeTable(lead=lead, columns=(), rows=(), left_out=0)
    if changes.agreements:
        return _table((), ("approval_field:person", "approval_field:valid_from", *_BEFORE_AFTER),
                      _agreement_rows(changes.agreements, names, words), words)  # fmt: skip
    if changes.law:
        lead = (words("skipped_of_law", count=changes.skipped),) if changes.skipped else ()
        return _table(lead, ("in_place", "law_row", "holds", "trust", "instead_of", "what_changes"),
                      (_law_row(one, words) for one in changes.law), words)  # fmt: skip
    if changes.scheme:
        against = changes.scheme.against
        lead = (words("against_scheme", code=against),) if against else ()
        return _table(lead, ("edition", "instead_of", *_BEFORE_AFTER),
                      _scheme_rows(changes.scheme, words), words)  # fmt: skip
    return None


def _table(
    lead: tuple[str, ...], columns: tuple[str, ...], rows: Iterator[tuple[str, ...]], words: Words
) -> ChangeTable:
    every = tuple(rows)
    return ChangeTable(
        lead=lead,
        columns=tuple(_heading(one, words) for one in columns),
        rows=every[:MOST_ROWS],
        left_out=max(0, len(every) - MOST_ROWS),
    )


def _heading(name: str, words: Words) -> str:
    group, colon, code = name.partition(":")
    return words.of(group, code) if colon else words(name)


def _agreement_rows(
    changes: tuple[AgreementChange, ...], names: Mapping[str, str], words: Words
) -> Iterator[tuple[str, ...]]:
    for one in changes:
        head = (person_text(one.person, names), one.since)
        for field in one.fields:
            yield (*head, *_field_cells(field, words))
        if not one.fields:
            yield (*head, words("same_as_before"), "–", "–")


def _law_row(one: LawChange, words: Words) -> tuple[str, ...]:
    row = one.row
    place = f"{row.city} {row.district}".strip()
    holds = f"{row.since} – {row.until or ''}".strip()
    return (
        place,
        words.of("law_item", row.item),
        holds,
        words.of("law_trust", row.status),
        _instead(one, words),
        "; ".join(fields_in_a_line(one.fields, words, len(one.fields))) or words("same_as_before"),
    )


def _instead(one: LawChange, words: Words) -> str:
    if one.before is None:
        return words("new_here")
    if one.stays:
        return words("stays_behind", version=one.before.version)
    trust = words.of("law_trust", one.before.status)
    return f"{one.before.version} ({trust})"


def _scheme_rows(change: SchemeChange, words: Words) -> Iterator[tuple[str, ...]]:
    for one in change.editions:
        head = (f"{one.version} ({one.since})", _edition_before(one, words))
        if one.gone:
            yield (one.version, words("edition_gone"), "–", "–", "–")
            continue
        for field in one.fields:
            yield (*head, *_field_cells(field, words))
        if not one.fields:
            yield (*head, words("same_as_before"), "–", "–")


def _edition_before(one: EditionChange, words: Words) -> str:
    return one.before or words("new_here")


def _field_cells(field: FieldChange, words: Words) -> tuple[str, str, str]:
    return (
        _label(field.path, words),
        _value(field.path, field.before, words),
        _value(field.path, field.after, words),
    )


def _label(path: tuple[str, ...], words: Words) -> str:
    return " · ".join(field_name(one, words) for one in path)


def field_name(code: str, words: Words) -> str:
    for group in ("changed_field", "approval_field", "fact"):
        if code in CODES[group]:
            return words.of(group, code)
    return code


def _value(path: tuple[str, ...], value: Any, words: Words) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return words("yes") if value else words("no")
        case int():
            fen = path[-1].endswith("_fen") or (len(path) > 1 and path[-2] in FEN_BY_NAME)
            return amount_text(value) if fen else str(value)
        case list() | tuple():
            return ", ".join(_value(path, one, words) for one in value)
        case _:
            text = str(value)
            return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def fields_in_a_line(fields: tuple[FieldChange, ...], words: Words, most: int) -> Iterator[str]:
    for field in fields[:most]:
        label, before, after = _field_cells(field, words)
        yield f"{label} {before} → {after}" if field.before is not None else f"{label} {after}"
    if len(fields) > most:
        yield words("more_changes", count=len(fields) - most)
