"""What changes about a person and about the organisation, each with its days.

`person` is the key that never changes and is never used again; the employee number is one of the
facts with dates. Days are half-open, of the site's wall clock; None is no bound on that side.
"""

from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.people.model import Days


class Dated(Struct, frozen=True, kw_only=True):
    valid_from: date | None = None
    valid_until: date | None = None

    @property
    def days(self) -> Days:
        return Days(self.valid_from, self.valid_until)


class EmployeeNumber(Dated, frozen=True, kw_only=True):
    person: str
    employee_number: str


class Kind(StrEnum):
    EMPLOYEE = "employee"
    EXTERNAL = "external"  # of another employer or agency: hours are counted, no pay is computed


class Employment(Dated, frozen=True, kw_only=True):
    """A contract. Two may run on the same day. `employer`: empty for our own.

    hourly_fen: what an hour is agreed at; None when base pay is agreed, or nothing is known.
    """

    contract: str
    person: str
    kind: Kind
    employer: str = ""
    hourly_fen: int | None = None


class UnitKind(StrEnum):
    SITE = "site"
    DEPARTMENT = "department"
    TEAM = "team"
    POST = "post"


class Unit(Struct, frozen=True, kw_only=True):
    code: str
    kind: UnitKind
    name: str
    name_zh: str = ""


class UnitParent(Dated, frozen=True, kw_only=True):
    """`unit` lies under `parent` on these days. A matrix has several parents at once."""

    unit: str
    parent: str


class Role(StrEnum):
    MEMBER = "member"
    MANAGER = "manager"  # sees the people of the unit and of all units under it


class Membership(Dated, frozen=True, kw_only=True):
    person: str
    unit: str
    role: Role = Role.MEMBER


class SiteZone(Dated, frozen=True, kw_only=True):
    """A site's time zone (IANA name): a site moves to another zone from a date on."""

    site: str
    zone: str


class DeviceSite(Dated, frozen=True, kw_only=True):
    """At which site a device (its serial) stands."""

    serial: str
    site: str


class Merged(Struct, frozen=True, kw_only=True):
    """The record `person` turned out to be the human of `into`. Never a chain of two."""

    person: str
    into: str
