"""Punches into Odoo's hr.attendance, which knows no punches: a row is a check-in and its check-out.

The rules are those of addons/hr_attendance: one open attendance per employee, none overlaps another.
So a check-in opens a row and the next check-out closes it; what does not fit waits a while for
punches that are still on their way, and then becomes a dead letter with the reason. Nothing is made
up: no time stands in Odoo that no terminal wrote.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from msgspec import Struct
from typing_extensions import override

from protocols.records import Direction, Punch
from protocols.uplink import Observation, RecordVerdict
from sync.exporters.contract import (
    DEFAULT_SENSES,
    ExportBatch,
    Exporter,
    Judge,
    Sense,
    accepted,
    duplicate,
    kept,
    punches_of,
    rejected,
)
from sync.exporters.odoo_rpc import OdooLogin, OdooRefusal, OdooRpc
from sync.exporters.times import has_wrong_time, utc_of
from sync.ports import Clock

_TIME = "%Y-%m-%d %H:%M:%S"  # of Odoo's Datetime fields, UTC
_ATTENDANCE = "hr.attendance"


class OdooSettings(Struct, frozen=True, kw_only=True):
    """match      the field of hr.employee that holds the user id of the terminals
    longest       a check-out later than this after the check-in does not close it
    patience      how long after its arrival a punch may wait for those that it needs
    employee_age_s  how long an employee's id is believed
    """

    login: OdooLogin
    match: Literal["barcode", "pin"] = "barcode"
    unknown_employee: Literal["keep", "reject"] = "keep"
    longest: timedelta = timedelta(hours=16)
    patience: timedelta = timedelta(hours=24)
    employee_age_s: float = 3600.0
    send_wrong_times: bool = False
    senses: Mapping[Direction, Sense] = DEFAULT_SENSES


class _Row(Struct, frozen=True):
    """One hr.attendance. `check_out` is None while it is open."""

    id: int
    check_in: datetime
    check_out: datetime | None


class _Stamp(Struct, frozen=True):
    """One punch as Odoo sees it."""

    observation: Observation
    at: datetime
    sense: Sense


class OdooExporter(Exporter):
    def __init__(self, settings: OdooSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._rpc = OdooRpc(settings.login)
        self._employees: dict[str, tuple[float, tuple[int, ...]]] = {}

    @override
    async def deliver(self, batch: ExportBatch, judge: Judge) -> None:
        people: dict[str, list[_Stamp]] = {}
        for observation, punch in punches_of(batch.observations):
            refusal = self._unfit(observation, punch)
            if refusal is not None:
                judge(refusal)
                continue
            people.setdefault(punch.user_id, []).append(self._stamp(observation, punch))
        for user_id, stamps in people.items():
            stamps.sort(key=lambda stamp: stamp.at)
            await self._deliver_person(user_id, stamps, judge)

    @override
    async def check(self) -> str:
        uid = await self._rpc.authenticate()
        try:
            for right in ("create", "write"):
                await self._rpc.execute(_ATTENDANCE, "check_access_rights", [right], {})
            await self._search("hr.employee", [[self._settings.match, "=", ""]], ["id"], limit=1)
        except OdooRefusal as refusal:
            raise self._rpc.web.rubbish(str(refusal)) from refusal
        return f"user {self._settings.login.user} (id {uid}) may read employees, write attendances"

    @override
    def preview(self, batch: ExportBatch) -> Sequence[str]:
        return [
            f"{self._settings.match} {punch.user_id}: "
            f"{self._settings.senses[punch.direction]} {self._stamp(one, punch).at:{_TIME}} UTC"
            for one, punch in punches_of(batch.observations)
        ]

    @override
    async def aclose(self) -> None:
        await self._rpc.aclose()

    def _unfit(self, observation: Observation, punch: Punch) -> RecordVerdict | None:
        if has_wrong_time(punch) and not self._settings.send_wrong_times:
            said = f"the device's clock said {punch.device_time}"
            return rejected(observation, "wrong_time", said)
        if self._settings.senses[punch.direction] is Sense.NONE:
            said = f'the terminal gave no direction; set direction.{punch.direction} = "toggle"'
            return rejected(observation, "no_direction", said)
        return None

    def _stamp(self, observation: Observation, punch: Punch) -> _Stamp:
        at = utc_of(punch.device_time, observation.zone).replace(microsecond=0)
        return _Stamp(observation, at, self._settings.senses[punch.direction])

    async def _deliver_person(self, user_id: str, stamps: list[_Stamp], judge: Judge) -> None:
        employees = await self._employee_ids(user_id)
        if len(employees) != 1:
            for stamp in stamps:
                judge(self._unknown(stamp, user_id, len(employees)))
            return
        rest = list(stamps)
        while rest:
            stamp = rest.pop(0)
            partner = rest[0] if rest and self._is_pair(stamp, rest[0]) else None
            try:
                verdicts = await self._place(employees[0], stamp, partner)
            except OdooRefusal as refusal:
                verdicts = [self._misfit(stamp, "odoo_refused", str(refusal), wait=False)]
            for verdict in verdicts:
                judge(verdict)
            del rest[: len(verdicts) - 1]

    def _is_pair(self, first: _Stamp, second: _Stamp) -> bool:
        return (
            first.sense is Sense.IN
            and second.sense is Sense.OUT
            and timedelta(0) < second.at - first.at <= self._settings.longest
        )

    async def _place(
        self, employee: int, stamp: _Stamp, partner: _Stamp | None
    ) -> list[RecordVerdict]:
        """The verdict on `stamp`, and on `partner` when both went in as one closed row."""
        if await self._is_there(employee, stamp):
            return [duplicate(stamp.observation)]
        before = await self._row(employee, [["check_in", "<=", _odoo(stamp.at)]])
        is_open = before is not None and before.check_out is None
        if stamp.sense is Sense.OUT or (stamp.sense is Sense.TOGGLE and is_open):
            return [await self._check_out(stamp, before)]
        return await self._check_in(employee, stamp, before, partner)

    async def _check_out(self, stamp: _Stamp, before: _Row | None) -> RecordVerdict:
        if before is None or (before.check_out is not None and before.check_out <= stamp.at):
            return self._misfit(stamp, "no_check_in", "no attendance is open", wait=True)
        if before.check_out is not None:
            said = f"inside the attendance {before.check_in} to {before.check_out}"
            return self._misfit(stamp, "overlap", said, wait=False)
        if stamp.at - before.check_in > self._settings.longest:
            said = f"the check-in {before.check_in} is too long ago"
            return self._misfit(stamp, "no_check_in", said, wait=True)
        await self._rpc.execute(
            _ATTENDANCE, "write", [[before.id], {"check_out": _odoo(stamp.at)}], {}
        )
        return accepted(stamp.observation)

    async def _check_in(
        self, employee: int, stamp: _Stamp, before: _Row | None, partner: _Stamp | None
    ) -> list[RecordVerdict]:
        if before is not None and before.check_out is not None and before.check_out > stamp.at:
            said = f"inside the attendance {before.check_in} to {before.check_out}"
            return [self._misfit(stamp, "overlap", said, wait=False)]
        still_open = await self._row(employee, [["check_out", "=", False]])
        fields: dict[str, Any] = {"employee_id": employee, "check_in": _odoo(stamp.at)}
        if still_open is None:
            await self._rpc.execute(_ATTENDANCE, "create", [fields], {})
            return [accepted(stamp.observation)]
        if still_open.check_in <= stamp.at or partner is None:
            # Odoo takes a row without end only when no other is open, also when that is later.
            said = f"the attendance of {still_open.check_in} UTC is still open"
            return [self._misfit(stamp, "still_open", said, wait=True)]
        fields["check_out"] = _odoo(partner.at)
        await self._rpc.execute(_ATTENDANCE, "create", [fields], {})
        return [accepted(stamp.observation), accepted(partner.observation)]

    async def _is_there(self, employee: int, stamp: _Stamp) -> bool:
        """Whether this very punch is in Odoo: delivered before, and the answer was lost."""
        fields = {
            Sense.IN: ("check_in",),
            Sense.OUT: ("check_out",),
        }.get(stamp.sense, ("check_in", "check_out"))
        for field in fields:
            if await self._row(employee, [[field, "=", _odoo(stamp.at)]]) is not None:
                return True
        return False

    async def _row(self, employee: int, domain: list[list[Any]]) -> _Row | None:
        """The latest attendance that fits."""
        rows = await self._search(
            _ATTENDANCE,
            [["employee_id", "=", employee], *domain],
            ["check_in", "check_out"],
            order="check_in desc",
            limit=1,
        )
        if not rows:
            return None
        row, out = rows[0], rows[0]["check_out"]
        return _Row(row["id"], _instant(row["check_in"]), _instant(out) if out else None)

    async def _employee_ids(self, user_id: str) -> tuple[int, ...]:
        """A pin need not be unique in Odoo, so there may be two."""
        now_s = self._clock.monotonic()
        known = self._employees.get(user_id)
        if known is not None and now_s - known[0] < self._settings.employee_age_s:
            return known[1]
        rows = await self._search(
            "hr.employee", [[self._settings.match, "=", user_id]], ["id"], limit=2
        )
        found = tuple(int(row["id"]) for row in rows)
        if len(found) == 1:  # somebody who is missing is looked for again
            self._employees[user_id] = (now_s, found)
        return found

    async def _search(
        self, model: str, domain: list[list[Any]], fields: list[str], **options: Any
    ) -> list[dict[str, Any]]:
        rows = await self._rpc.execute(
            model, "search_read", [domain], {"fields": fields, **options}
        )
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and row.keys() >= {"id", *fields} for row in rows
        ):
            raise self._rpc.web.rubbish(f"no list of {model}")
        return rows

    def _unknown(self, stamp: _Stamp, user_id: str, found: int) -> RecordVerdict:
        match = self._settings.match
        if found:
            said = f"several employees have {match} {user_id}"
            return rejected(stamp.observation, "ambiguous_employee", said)
        judge = kept if self._settings.unknown_employee == "keep" else rejected
        return judge(stamp.observation, "unknown_employee", f"no employee has {match} {user_id}")

    def _misfit(self, stamp: _Stamp, code: str, said: str, *, wait: bool) -> RecordVerdict:
        waited = self._clock.now() - stamp.observation.received_at
        if wait and waited < self._settings.patience:
            return kept(stamp.observation, code, said)
        return rejected(stamp.observation, code, said)


def _odoo(at: datetime) -> str:
    return at.strftime(_TIME)


def _instant(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
