"""The organisation in a people file: [[unit]] tables, and the places that a person has in them."""

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hr_core.people.half_width import half_width
from hr_core.people.records import (
    DeviceSite,
    Membership,
    Role,
    SiteZone,
    Unit,
    UnitKind,
    UnitParent,
)


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"no time zone is named {name!r}; write one like Asia/Shanghai")
    return name


def _plain(value: object) -> object:
    return half_width(value) if isinstance(value, str) else value


Word = Annotated[str, BeforeValidator(_plain), Field(min_length=1, max_length=64)]
Zone = Annotated[str, AfterValidator(_zone)]


class FileRow(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DatedRow(FileRow):
    """Holds on the days from `from` to before `until`."""

    valid_from: date | None = Field(default=None, alias="from")
    valid_until: date | None = Field(default=None, alias="until")

    @model_validator(mode="after")
    def some_day(self) -> "DatedRow":
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError(
                f"from {self.valid_from} until {self.valid_until} is no day: until is the first day "
                "that no longer counts"
            )
        return self


class MembershipRow(DatedRow):
    unit: Word
    role: Annotated[Role, Field(strict=False)] = Role.MEMBER

    def value(self, person: str) -> Membership:
        return Membership(
            person=person,
            unit=self.unit,
            role=self.role,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )


class ParentRow(DatedRow):
    unit: Word


class ZoneRow(DatedRow):
    zone: Zone


class DevicePlaceRow(DatedRow):
    serial: Word


class UnitRow(FileRow):
    """A site, department, team or post. `parents` with dates, or one `parent` at all times."""

    code: Word
    kind: Annotated[UnitKind, Field(strict=False)]
    name: Word
    name_zh: str = ""
    parent: Word | None = None
    parents: tuple[ParentRow, ...] = Field(default=(), strict=False)
    zones: tuple[ZoneRow, ...] = Field(default=(), strict=False)
    devices: tuple[DevicePlaceRow, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def fits_its_kind(self) -> "UnitRow":
        if self.parent is not None and self.parents:
            raise ValueError("write either parent or parents")
        if self.kind is not UnitKind.SITE and (self.zones or self.devices):
            raise ValueError('only a unit of kind = "site" has zones and devices')
        return self

    def value(self) -> Unit:
        return Unit(code=self.code, kind=self.kind, name=self.name, name_zh=self.name_zh)

    def parent_rows(self) -> list[UnitParent]:
        rows = [
            UnitParent(
                unit=self.code,
                parent=row.unit,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
            for row in self.parents
        ]
        always = [] if self.parent is None else [UnitParent(unit=self.code, parent=self.parent)]
        return [*rows, *always]

    def zone_rows(self) -> list[SiteZone]:
        return [
            SiteZone(
                site=self.code,
                zone=row.zone,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
            for row in self.zones
        ]

    def device_rows(self) -> list[DeviceSite]:
        return [
            DeviceSite(
                serial=row.serial,
                site=self.code,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
            for row in self.devices
        ]
