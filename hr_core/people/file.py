"""The people file: TOML that a person writes, checked here and nowhere else.

Every error names the file, the key and what to do. What leaves this module is a Roster of plain
frozen values; the references between them (shift of a person, line of a station) are checked when
it is merged with what the store already holds.
"""

import tomllib
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from hr_core.clock import DAY_MIN, parse_time_of_day
from hr_core.errors import InputFileError
from hr_core.money import MAX_FEN, parse_yuan
from hr_core.people.model import (
    ANY_DEVICE,
    MAX_WINDOW_MIN,
    Badge,
    DeviceUser,
    Line,
    Person,
    Roster,
    Shift,
    Station,
)
from hr_core.people.organisation_file import (
    DatedRow,
    FileRow,
    MembershipRow,
    UnitRow,
    Word,
    Zone,
)
from hr_core.people.records import Kind, Membership
from hr_core.toml_text import parse_toml_text

# 50,000 people with everything spelled out are 10 MB: more is not a people file.
MAX_FILE_BYTES = 32 * 1024 * 1024

_MOST_ERRORS_SHOWN = 10


def _minutes(value: object) -> object:
    return parse_time_of_day(value) if isinstance(value, str) else value


def _fen(value: object) -> object:
    if isinstance(value, float):
        raise ValueError('write the amount as text, base = "5200.00": a float is not exact money')  # noqa: TRY004 - pydantic reports ValueError only
    return parse_yuan(value) if isinstance(value, str) else value


TimeOfDay = Annotated[int, BeforeValidator(_minutes), Field(ge=0, lt=DAY_MIN)]
Minutes = Annotated[int, Field(ge=0, le=DAY_MIN)]
Fen = Annotated[int, Field(ge=0, le=MAX_FEN)]


class NewPerson(Struct, frozen=True, kw_only=True):
    """What a file says of a person beside the roster's row."""

    number: str
    first: date | None = None
    kind: Kind | None = None
    employer: str | None = None
    contract: str | None = None
    hourly_fen: int | None = None
    units: tuple[Membership, ...] | None = None


class SiteRow(FileRow):
    zone: Zone


class SchemeRow(FileRow):
    """A scheme that ships with the core (`code`) or a scheme file beside the people file."""

    code: Word | None = None
    file: str | None = None

    @model_validator(mode="after")
    def one_of_two(self) -> "SchemeRow":
        if (self.code is None) == (self.file is None):
            raise ValueError('write either code = "demo" or file = "scheme.toml"')
        return self


class ShiftRow(FileRow):
    code: Word
    name: Word
    name_zh: str = ""
    start: TimeOfDay
    end: TimeOfDay
    break_min: Minutes = 0
    break_start: TimeOfDay | None = None
    early_in_min: Minutes = 120
    late_out_min: Minutes = 240

    @property
    def end_min(self) -> int:
        return self.end if self.end > self.start else self.end + DAY_MIN

    @property
    def break_start_min(self) -> int:
        """Minutes from the day's midnight; without a break_start the break is in the middle."""
        if self.break_start is None:
            return (self.start + self.end_min - self.break_min) // 2
        crosses = self.break_start < self.start
        return self.break_start + (DAY_MIN if crosses else 0)

    @model_validator(mode="after")
    def one_day_only(self) -> "ShiftRow":
        window = self.end_min - self.start + self.early_in_min + self.late_out_min
        if window > MAX_WINDOW_MIN:
            raise ValueError(
                f"the shift with early_in_min and late_out_min takes {window} of 1440 minutes: "
                "shorten one, or a punch would belong to two days"
            )
        if self.break_start_min + self.break_min > self.end_min:
            raise ValueError("the break does not lie inside the shift: correct break_start")
        return self

    def value(self) -> Shift:
        return Shift(
            code=self.code,
            name=self.name,
            name_zh=self.name_zh,
            start_min=self.start,
            end_min=self.end_min,
            break_min=self.break_min,
            break_start_min=self.break_start_min,
            early_in_min=self.early_in_min,
            late_out_min=self.late_out_min,
        )


class DeviceRow(DatedRow):
    """An id on one device or all."""

    serial: Word = ANY_DEVICE
    user_id: Word


class PersonRow(FileRow):
    """`number` is the employee number, the person's from the day `from` on (absent: always).

    `kind`, `employer`, `contract` and `hourly` are of the first contract; later ones are entered by
    `hr-core people rehire`. `units` absent: the places in the organisation stay as they are.
    """

    number: Word
    number_from: date | None = Field(default=None, alias="from")
    name: Word
    shift: Word
    kind: Annotated[Kind | None, Field(strict=False)] = None
    employer: str | None = None
    contract: Word | None = None
    hourly: Annotated[Fen | None, BeforeValidator(_fen)] = None
    units: tuple[MembershipRow, ...] | None = Field(default=None, strict=False)
    base_fen: Fen | None = None
    base: Annotated[Fen | None, BeforeValidator(_fen)] = None
    zone: Zone | None = None
    device_user: Word | None = None
    devices: tuple[DeviceRow, ...] = Field(default=(), strict=False)
    badges: tuple[Word, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def one_base(self) -> "PersonRow":
        said = (self.base is not None) + (self.base_fen is not None)
        if said == 0 and (self.hourly is not None or self.kind is Kind.EXTERNAL):
            return self
        if said != 1:
            raise ValueError('write the base pay once: base = "5200.00" (yuan) or base_fen')
        return self

    def value(self, *, zone: str, origin: str) -> Person:
        return Person(
            number=self.number,
            name=self.name,
            shift=self.shift,
            base_fen=self.base or self.base_fen or 0,
            zone=self.zone or zone,
            origin=origin,
        )

    def device_users(self) -> list[DeviceUser]:
        rows = [
            DeviceUser(
                serial=row.serial,
                user_id=row.user_id,
                number=self.number,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
            for row in self.devices
        ]
        if self.device_user is not None:
            rows.append(DeviceUser(serial=ANY_DEVICE, user_id=self.device_user, number=self.number))
        return rows

    def record(self) -> NewPerson:
        return NewPerson(
            number=self.number,
            first=self.number_from,
            kind=self.kind,
            employer=self.employer,
            contract=self.contract,
            hourly_fen=self.hourly,
            units=None
            if self.units is None
            else tuple(row.value(self.number) for row in self.units),
        )


class LineRow(FileRow):
    code: Word
    name: Word
    name_zh: str = ""


class StationRow(FileRow):
    source: Word
    tag: Word
    line: Word
    modulus: Annotated[int, Field(gt=1)] | None = None
    max_rate_per_s: Annotated[int, Field(gt=0)] | None = None
    retentive: bool | None = None


class PeopleFile(FileRow):
    site: SiteRow
    scheme: SchemeRow | None = None
    shift: tuple[ShiftRow, ...] = Field(default=(), strict=False)
    person: tuple[PersonRow, ...] = Field(default=(), strict=False)
    line: tuple[LineRow, ...] = Field(default=(), strict=False)
    station: tuple[StationRow, ...] = Field(default=(), strict=False)
    unit: tuple[UnitRow, ...] = Field(default=(), strict=False)


class ReadFile(FileRow):
    """A checked people file: its roster, and the scheme it refers to.

    In `roster` the key of a person is the employee number, as the file has no other name; `records`
    says by number what is needed to find the person or to make one.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    roster: Roster
    scheme: SchemeRow | None
    records: dict[str, NewPerson]
    units: tuple[UnitRow, ...]


def read_people_file(path: Path) -> ReadFile:
    """Raises InputFileError."""
    text = read_file(path)
    try:
        parsed = PeopleFile.model_validate(parse_toml_text(text))
    except tomllib.TOMLDecodeError as exc:
        raise InputFileError(
            f"not TOML: {exc}", file=str(path), key="(file)", remedy=_remedy(path)
        ) from exc
    except ValidationError as exc:
        raise _refused(path, exc) from exc
    return ReadFile(
        roster=_roster(path, text, parsed),
        scheme=parsed.scheme,
        records={row.number: row.record() for row in parsed.person},
        units=parsed.unit,
    )


def _remedy(path: Path) -> str:
    if path.suffix.casefold() == ".dat":
        return "of a terminal's export say which terminal wrote it: --device SERIAL"
    return "correct the line it names"


def read_file(path: Path) -> str:
    """Without the byte order mark that some editors write. Raises InputFileError when the file is
    missing, too large or not UTF-8.
    """
    try:
        body = path.read_bytes()
        if len(body) <= MAX_FILE_BYTES:
            return body.decode("utf-8-sig")
        fault = f"{len(body)} bytes are over the cap of {MAX_FILE_BYTES}"
    except OSError as exc:
        fault = f"cannot be read: {exc.strerror}"
    except UnicodeDecodeError as exc:
        fault = f"not UTF-8 at byte {exc.start}"
    raise InputFileError(
        fault, file=str(path), key="(file)", remedy="give the path of a UTF-8 TOML file"
    )


def _roster(path: Path, text: str, parsed: PeopleFile) -> Roster:
    origin = f"people file {path.name}, sha256 {sha256(text.encode()).hexdigest()[:16]}"
    zone = parsed.site.zone
    return Roster(
        zone=zone,
        scheme="",
        shifts=_unique(path, "shift", [(row.code, row.value()) for row in parsed.shift]),
        people=_unique(
            path,
            "person",
            [(row.number, row.value(zone=zone, origin=origin)) for row in parsed.person],
        ),
        device_users=tuple(user for row in parsed.person for user in row.device_users()),
        badges=tuple(
            Badge(badge=badge, number=row.number) for row in parsed.person for badge in row.badges
        ),
        lines=_unique(
            path,
            "line",
            [
                (row.code, Line(code=row.code, name=row.name, name_zh=row.name_zh))
                for row in parsed.line
            ],
        ),
        stations=tuple(Station(**row.model_dump()) for row in parsed.station),
    )


def _unique(path: Path, table: str, rows: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for index, (key, value) in enumerate(rows):
        if key in found:
            raise InputFileError(
                f"{key!r} stands twice",
                file=str(path),
                key=f"{table}[{index}]",
                remedy="keep one of the two entries",
            )
        found[key] = value
    return found


def _refused(path: Path, exc: ValidationError) -> InputFileError:
    faults = [(_key(error["loc"]), told(error["msg"])) for error in exc.errors()]
    key, message = faults[0]
    more = [f"{where}: {what}" for where, what in faults[1:_MOST_ERRORS_SHOWN]]
    if len(faults) > _MOST_ERRORS_SHOWN:
        more.append(f"and {len(faults) - _MOST_ERRORS_SHOWN} more")
    return InputFileError(
        "; ".join([message, *more]),
        file=str(path),
        key=key,
        remedy="correct the key (docs/people-file.md) and import again; nothing was stored",
    )


def told(message: str) -> str:
    """What a check of ours said, without pydantic's own words before it."""
    return message.removeprefix("Value error, ")


def _key(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "(file)"
