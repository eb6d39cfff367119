"""Templates of files for banks, tax offices and ledgers: columns as data, ours or a site's own.

A template says which rows (people, lines, the journal), which columns, and how the file is written.
Fields are checked when it is read: a typing error must not become an empty column of money.
"""

import fnmatch
import re
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hr_core.data_files import read_text
from hr_core.errors import InputFileError, NotFoundError
from hr_core.pay.line_words import words
from hr_core.toml_text import parse_toml

SCHEMA = "clockline-pay-export/1"
MAX_TEMPLATE_BYTES = 256 * 1024  # 60 columns are 6 kB

_PATH = "(file)"


class Source(StrEnum):
    PEOPLE = "people"
    LINES = "lines"
    JOURNAL = "journal"


_OF_PERSON = frozenset(
    {"row", "month", "run", "person", "number", "name", "net", "earned", "deducted", "employer",
     "bank_name", "bank_account", "cost_centre", "city"}
)  # fmt: skip
FIELDS = {
    Source.PEOPLE: _OF_PERSON,
    Source.LINES: _OF_PERSON | {"line", "kind", "kind_name", "side", "amount"},
    Source.JOURNAL: frozenset(
        {"row", "month", "run", "cost_centre", "part", "kind", "kind_name", "account", "debit",
         "credit"}
    ),
}  # fmt: skip
AMOUNTS = frozenset({"net", "earned", "deducted", "employer", "amount", "debit", "credit"})
LINE = "line."  # line.KIND: the sum of a kind of line, `*` stands for anything


class Column(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"form": "as"}):
    """`field` or a constant `text`. `sign` -1 turns what is taken off into a number above zero.

    required   a person without it is left out and listed; of lines and the journal all is refused
    pattern    what the whole text must look like
    """

    title: str
    field: str = ""
    text: str = ""
    form: Literal["text", "amount"] = "text"
    sign: Literal[1, -1] = 1
    required: bool = False
    pattern: str = ""


class DecimalForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How amounts are written in CSV: 1234.56, 1,234.56, 1234,56 or 123456 (fen)."""

    unit: Literal["yuan", "fen"] = "yuan"
    point: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " "] = ""


class Account(Struct, frozen=True, forbid_unknown_fields=True):
    match: str
    code: str


class ExportTemplate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`header` and `footer` are rows of cells that may name {month}, {run}, {count}, {total} …

    total            the field of people or lines that `{total}` adds up over all written rows
    leave_out_zero   rows whose amounts are all zero are not written
    above_zero       a person with an amount below zero is left out and listed
    """

    schema: Literal["clockline-pay-export/1"]
    name: str
    rows: Source
    column: tuple[Column, ...] = ()
    file: Literal["csv", "xlsx"] = "csv"
    encoding: Literal["utf-8", "utf-8-sig", "gbk", "gb18030"] = "utf-8-sig"
    separator: Literal[",", ";", "\t", "|"] = ","
    line_end: Literal["crlf", "lf"] = "crlf"
    quotes: Literal["needed", "always", "never"] = "needed"
    decimal: DecimalForm = DecimalForm()
    titles: bool = True
    header: tuple[tuple[str, ...], ...] = ()
    footer: tuple[tuple[str, ...], ...] = ()
    total: str = ""
    total_sign: Literal[1, -1] = 1
    approved_only: bool = True
    leave_out_zero: bool = False
    above_zero: bool = False
    account: tuple[Account, ...] = ()


HEAD_FIELDS = frozenset({"month", "run", "scheme", "count", "total", "debit", "credit", "date"})
HEAD_FIELD = re.compile(r"\{([^{}]*)\}")


def built_in_templates() -> list[str]:
    folder = files("hr_core") / "data" / "pay_exports"
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir())


def load_template(name_or_path: str) -> ExportTemplate:
    """One of ours by its name, another by its path. Raises NotFoundError, InputFileError."""
    if name_or_path in built_in_templates():
        text = read_text(f"pay_exports/{name_or_path}.toml")
        return parse_template(text, file=f"template {name_or_path}")
    path = Path(name_or_path)
    if not path.is_file():
        raise NotFoundError(
            f"there is no template {name_or_path!r}",
            remedy=f"name one of {', '.join(built_in_templates())}, or the path of your own",
        )
    with path.open("rb") as file:
        body = file.read(MAX_TEMPLATE_BYTES + 1)
    if len(body) > MAX_TEMPLATE_BYTES:
        raise _fault(str(path), _PATH, f"over {MAX_TEMPLATE_BYTES} bytes", "give a template")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise _fault(str(path), _PATH, "not UTF-8", "save it as UTF-8") from exc
    return parse_template(text, file=str(path))


def parse_template(text: str, *, file: str) -> ExportTemplate:
    """Raises InputFileError naming the key."""
    template = parse_toml(text, ExportTemplate, file=file, remedy="see docs/pay-exports.md")
    _check(template, file)
    return template


def _check(template: ExportTemplate, file: str) -> None:
    if not template.column:
        raise _fault(file, "column", "there is none", "add [[column]] tables")
    for column in template.column:
        _check_column(template, column, file)
    if template.total:
        _check_field(template, template.total, file, "total")
    for row in (*template.header, *template.footer):
        for cell in row:
            for name in HEAD_FIELD.findall(cell):
                if name not in HEAD_FIELDS:
                    known = ", ".join(sorted(HEAD_FIELDS))
                    raise _fault(file, "header", f"{{{name}}} is unknown", f"use one of {known}")
    _check_encoding(template, file)
    marks = template.decimal
    unquoted = template.quotes == "never" and template.separator in {marks.point, marks.thousands}
    if marks.thousands == marks.point or unquoted:
        raise _fault(file, "decimal", "a mark means two things", "choose another mark")


def _check_encoding(template: ExportTemplate, file: str) -> None:
    told = [text for one in template.column for text in (one.title, one.text)]
    told += [cell for row in (*template.header, *template.footer) for cell in row]
    for text in told:
        try:
            text.encode(template.encoding)
        except UnicodeEncodeError as exc:
            raise _fault(
                file, "encoding", f"{template.encoding} has no {exc.object[exc.start : exc.end]!r}",
                "write other words, or take gb18030",
            ) from exc  # fmt: skip


def _check_column(template: ExportTemplate, column: Column, file: str) -> None:
    key = f"column {column.title!r}"
    if bool(column.field) == bool(column.text):
        raise _fault(file, key, "it needs either field or text", "give one of them")
    if column.field:
        _check_field(template, column.field, file, key)
    money = column.field in AMOUNTS or column.field.startswith(LINE)
    if money != (column.form == "amount"):
        raise _fault(
            file, key, f"{column.field or 'a text'} is {'' if money else 'no '}money",
            'write as = "amount" at money, and nowhere else',
        )  # fmt: skip
    try:
        re.compile(column.pattern)
    except re.error as exc:
        raise _fault(file, key, f"pattern: {exc}", "correct the pattern") from exc


def _check_field(template: ExportTemplate, field: str, file: str, key: str) -> None:
    known = FIELDS[template.rows]
    kinds = {name.partition(".")[0] for name in words().names}
    of_line = (
        template.rows is Source.PEOPLE
        and field.startswith(LINE)
        and bool(fnmatch.filter(kinds, field.removeprefix(LINE)))
    )
    if field not in known and not of_line:
        told = ", ".join(sorted(known))
        raise _fault(file, key, f"no field {field!r} of {template.rows}", f"use one of {told}")


def _fault(file: str, key: str, message: str, remedy: str) -> InputFileError:
    return InputFileError(message, file=file, key=key, remedy=remedy)
