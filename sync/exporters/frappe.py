"""Punches into Frappe HR (or ERPNext up to 13) as Employee Checkins, one call each.

Source of names, fields and rules: frappe/hrms, hrms/hr/doctype/employee_checkin. A refusal comes as
HTTP 417 with `exc_type: ValidationError` for a duplicate, for an unknown employee and for anything
else, and its words are in the language of the API's user; so what it was is asked, not read.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
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
from sync.exporters.errors import ExportError, ExportRefusedError
from sync.exporters.times import has_wrong_time, wall_of
from sync.exporters.web import Reply, Web, plain

App = Literal["hrms", "erpnext"]
_METHOD = "{app}.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field"
_LOG_TYPES = {Sense.IN: "IN", Sense.OUT: "OUT"}
_VALIDATION_STATUS = 417
_MARKUP = re.compile(r"<[^>]*>")


class FrappeSettings(Struct, frozen=True, kw_only=True):
    """key          `API_KEY:API_SECRET` of the Frappe user
    employee_field  of Employee, which holds the user id of the terminals
    zone            of the Frappe site, when another than the devices'
    """

    url: str
    key: str
    app: App = "hrms"
    employee_field: str = "attendance_device_id"
    unknown_employee: Literal["keep", "reject"] = "keep"
    device_id: Literal["name", "serial"] = "name"
    zone: str | None = None
    concurrency: int = 4
    skip_auto_attendance: bool = False
    send_wrong_times: bool = False
    timeout_s: float = 30.0
    senses: Mapping[Direction, Sense] = DEFAULT_SENSES


class FrappeExporter(Exporter):
    def __init__(self, settings: FrappeSettings) -> None:
        self._settings = settings
        base = settings.url.rstrip("/")
        self._method = f"{base}/api/method/{_METHOD.format(app=settings.app)}"
        self._resource = f"{base}/api/resource"
        self._web = Web(
            f"Frappe {settings.url}",
            timeout_s=settings.timeout_s,
            headers={"Authorization": f"token {settings.key}", "Accept": "application/json"},
        )
        self._method_is_there = False

    @override
    async def deliver(self, batch: ExportBatch, judge: Judge) -> None:
        await self._require_method()
        people: dict[str, list[tuple[Observation, Punch]]] = {}
        for observation, punch in punches_of(batch.observations):
            people.setdefault(punch.user_id, []).append((observation, punch))
        slots = asyncio.Semaphore(self._settings.concurrency)
        failures: list[ExportError] = []

        async def deliver_person(rows: list[tuple[Observation, Punch]]) -> None:
            # In order of time: Frappe's alternating IN and OUT follow it.
            for observation, punch in sorted(rows, key=lambda row: row[1].device_time):
                async with slots:
                    if failures:
                        return
                    try:
                        judge(await self._deliver_one(observation, punch, batch.device_names))
                    except ExportError as error:
                        failures.append(error)

        # Calls that are under way end before this does: none runs on into the next attempt.
        await asyncio.gather(*(deliver_person(rows) for rows in people.values()))
        if failures:
            raise failures[0]

    @override
    async def check(self) -> str:
        self._method_is_there = False
        await self._require_method()
        for doctype in ("Employee", "Employee Checkin"):
            await self._find(doctype, [["name", "=", ""]])
        return f"{self._settings.app} answers, and the key may read Employee and Employee Checkin"

    @override
    def preview(self, batch: ExportBatch) -> Sequence[str]:
        return [
            urlencode(self._form(one, punch, batch.device_names))
            for one, punch in punches_of(batch.observations)
        ]

    @override
    async def aclose(self) -> None:
        await self._web.aclose()

    async def _deliver_one(
        self, observation: Observation, punch: Punch, names: Mapping[str, str]
    ) -> RecordVerdict:
        if has_wrong_time(punch) and not self._settings.send_wrong_times:
            return rejected(
                observation, "wrong_time", f"the device's clock said {punch.device_time}"
            )
        form = self._form(observation, punch, names)
        reply = await self._call(form)
        if reply.status == 200:
            answer = reply.json()
            if isinstance(answer, dict) and isinstance(answer.get("message"), dict):
                return accepted(observation)
            raise self._web.rubbish("HTTP 200 without a check-in")
        if reply.status != _VALIDATION_STATUS:
            raise self._web.failure(reply)
        return await self._why_refused(observation, form, reply)

    def _form(
        self, observation: Observation, punch: Punch, names: Mapping[str, str]
    ) -> dict[str, str]:
        settings = self._settings
        wall = wall_of(punch.device_time, observation.zone, settings.zone)
        device = names.get(punch.serial, punch.serial)
        form = {
            "employee_field_value": punch.user_id,
            "employee_fieldname": settings.employee_field,
            "timestamp": f"{wall:%Y-%m-%d %H:%M:%S}.000000",
            "device_id": device if settings.device_id == "name" else punch.serial,
        }
        log_type = _LOG_TYPES.get(settings.senses[punch.direction])
        if log_type is not None:
            form["log_type"] = log_type
        if settings.skip_auto_attendance:
            form["skip_auto_attendance"] = "1"
        return form

    async def _call(self, form: Mapping[str, str]) -> Reply:
        return await self._web.request(
            "POST",
            self._method,
            content=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )

    async def _why_refused(
        self, observation: Observation, form: Mapping[str, str], reply: Reply
    ) -> RecordVerdict:
        field, value = form["employee_fieldname"], form["employee_field_value"]
        found = await self._find("Employee", [[field, "=", value]])
        if not found:
            judge = kept if self._settings.unknown_employee == "keep" else rejected
            return judge(observation, "unknown_employee", f"no Employee has {field} {value}")
        same_second = await self._find(
            "Employee Checkin",
            [["employee", "=", found[0]["name"]], ["time", "=", form["timestamp"][:19]]],
            fields=("name", "log_type"),
        )
        log_type = form.get("log_type")
        if any((row.get("log_type") or None) == log_type for row in same_second):
            return duplicate(observation)
        # Older versions know one log a second, whatever its type: this one is not there.
        return rejected(observation, "frappe_refused", _words(reply))

    async def _find(
        self, doctype: str, filters: list[list[str]], *, fields: Sequence[str] = ("name",)
    ) -> list[dict[str, Any]]:
        reply = await self._web.request(
            "GET",
            f"{self._resource}/{doctype}",
            params={
                "filters": msgspec.json.encode(filters).decode(),
                "fields": msgspec.json.encode(fields).decode(),
            },
        )
        if reply.status == 403:
            raise ExportRefusedError(
                f"the key's user may not read {doctype}",
                where=self._web.where,
                remedy="Give it a role with read on Employee and Employee Checkin (HR User)",
                code="rights_missing",
            )
        if reply.status != 200:
            raise self._web.failure(reply)
        answer = reply.json()
        rows = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._web.rubbish(f"no list of {doctype}")
        return rows

    async def _require_method(self) -> None:
        """Frappe refuses a method that it does not have like a bad punch, so it is asked first:
        without an employee our method names the argument that it lacks, in every language.
        """
        if self._method_is_there:
            return
        reply = await self._call({"employee_field_value": "", "timestamp": ""})
        if reply.status != _VALIDATION_STATUS:
            raise self._web.failure(reply)
        if "employee_field_value" not in _words(reply):
            raise ExportRefusedError(
                f"has no check-ins of the app {self._settings.app} ({_words(reply)})",
                where=self._web.where,
                remedy='Set app = "hrms" (Frappe HR), or "erpnext" for ERPNext 13 and older',
                code="wrong_app",
            )
        self._method_is_there = True


def _words(reply: Reply) -> str:
    """What Frappe says to a person: its messages, else its exception."""
    answer = reply.json()
    if not isinstance(answer, dict):
        return f"HTTP {reply.status}"
    try:
        packed = msgspec.json.decode(answer.get("_server_messages") or "[]", type=list[str])
        messages = [str(msgspec.json.decode(one, type=dict[str, Any])["message"]) for one in packed]
    except (msgspec.MsgspecError, TypeError, KeyError):
        messages = []
    text = " ".join(messages) or answer.get("exception") or f"HTTP {reply.status}"
    return plain(_MARKUP.sub(" ", str(text)))
