"""People, shifts and stations as the engines see them: frozen values, times in plain minutes."""

from msgspec import Struct

from hr_core.clock import DAY_MIN, DAY_S, format_time_of_day

ANY_DEVICE = "*"


class Shift(Struct, frozen=True, kw_only=True):
    """A working time. Minutes count from midnight of the day on which the shift begins.

    end_min         over 1440 when the shift ends on the next day (18:00-06:00 is 1080-1800)
    break_start_min where the unpaid break lies; it is deducted as far as the presence crosses it
    early_in_min, late_out_min: how long before and after the shift a punch still belongs to it
    """

    code: str
    name: str
    name_zh: str = ""
    start_min: int
    end_min: int
    break_min: int
    break_start_min: int
    early_in_min: int
    late_out_min: int

    def window(self, ordinal: int) -> tuple[int, int]:
        """The half-open range of wall seconds whose punches belong to the day `ordinal`."""
        midnight = ordinal * DAY_S
        return (
            midnight + (self.start_min - self.early_in_min) * 60,
            midnight + (self.end_min + self.late_out_min) * 60,
        )

    @property
    def window_min(self) -> int:
        return self.end_min - self.start_min + self.early_in_min + self.late_out_min

    def hours(self) -> str:
        return f"{format_time_of_day(self.start_min)}-{format_time_of_day(self.end_min)}"


MAX_WINDOW_MIN = DAY_MIN  # a longer window would claim the next day's punches too


class Person(Struct, frozen=True, kw_only=True):
    """`origin` names the people file (and its digest) that the base pay was read from."""

    number: str
    name: str
    shift: str
    base_fen: int
    zone: str
    origin: str


class Station(Struct, frozen=True, kw_only=True):
    """A counter on a line. `modulus` None: it never wraps; `retentive` None: not known."""

    source: str
    tag: str
    line: str
    modulus: int | None = None
    max_rate_per_s: int | None = None
    retentive: bool | None = None


class Line(Struct, frozen=True, kw_only=True):
    code: str
    name: str
    name_zh: str = ""


class DeviceUser(Struct, frozen=True, kw_only=True):
    """`user_id` on the device `serial` ("*": on every device) is the person `number`."""

    serial: str
    user_id: str
    number: str


class Badge(Struct, frozen=True, kw_only=True):
    badge: str
    number: str


class Roster(Struct, frozen=True, kw_only=True):
    """Everything that a people file says or that the store holds of it."""

    zone: str
    scheme: str
    shifts: dict[str, Shift]
    people: dict[str, Person]
    device_users: tuple[DeviceUser, ...] = ()
    badges: tuple[Badge, ...] = ()
    lines: dict[str, Line] = {}
    stations: tuple[Station, ...] = ()

    def number_by_device_user(self) -> dict[tuple[str, str], str]:
        return {(row.serial, row.user_id): row.number for row in self.device_users}

    def number_by_badge(self) -> dict[str, str]:
        """Who a badge on a line is: a badge of the file, else an employee number, else a user id
        that means the same person on every device. One that could be two people is nobody's.
        """
        known = {row.user_id: row.number for row in self.device_users if row.serial == ANY_DEVICE}
        for number in self.people:
            if known.setdefault(number, number) != number:
                del known[number]
        known.update({row.badge: row.number for row in self.badges})
        return known


def find_person(mapping: dict[tuple[str, str], str], serial: str, user_id: str) -> str | None:
    """The employee number behind a device's user id; the device's own entry wins over "*"."""
    return mapping.get((serial, user_id)) or mapping.get((ANY_DEVICE, user_id))
