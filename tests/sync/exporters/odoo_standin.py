"""A small Odoo: /jsonrpc with authenticate and execute_kw, and hr_attendance's own rules.

After addons/hr_attendance/models/hr_attendance.py (_check_validity) and odoo/http.py
(serialize_exception): errors come as HTTP 200 with error.data.name.
"""

import asyncio
import re

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

DATABASE, USER, KEY, UID = "plant", "gateway@example.com", "odoo-key", 7
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")  # fields.Datetime, UTC
_OPERATORS = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<=": lambda left, right: bool(left) and left <= right,
    "<": lambda left, right: bool(left) and left < right,
}


class OdooError(Exception):
    def __init__(self, name, message):
        super().__init__(message)
        self.name = name


def invalid(message):
    return OdooError("odoo.exceptions.ValidationError", message)


class OdooStandIn:
    def __init__(self):
        self.employees = [
            {"id": 1, "barcode": "1007", "pin": "11"},
            {"id": 2, "barcode": "1008", "pin": "22"},
            {"id": 3, "barcode": "1009", "pin": "22"},
        ]
        self.attendances = []
        self.calls = []
        self.rights = True
        self.swallow = 0  # does what is asked, then answers 502
        self.broken = None  # the name of an error that every call ends in
        self.delay_s = 0.0
        self.asgi = Starlette(routes=[Route("/jsonrpc", self._jsonrpc, methods=["POST"])])

    def rows(self, employee=1):
        return sorted(
            (row["check_in"], row["check_out"])
            for row in self.attendances
            if row["employee_id"] == employee
        )

    async def _jsonrpc(self, request):
        call = await request.json()
        assert call.keys() == {"jsonrpc", "method", "id", "params"}
        assert (call["jsonrpc"], call["method"]) == ("2.0", "call")
        await asyncio.sleep(self.delay_s)
        answer = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            answer["result"] = self._serve(**call["params"])
        except OdooError as error:
            data = {
                "name": error.name,
                "message": str(error),
                "arguments": [str(error)],
                "context": {},
                "debug": "Traceback (most recent call last): …",
            }
            answer["error"] = {"code": 200, "message": "Odoo Server Error", "data": data}
        if self.swallow and self._wrote:
            self.swallow -= 1
            return JSONResponse({}, 502)
        return JSONResponse(answer)

    def _serve(self, service, method, args):
        self._wrote = False
        if self.broken:
            raise OdooError(self.broken, "something broke")
        if service == "common":
            database, user, key, environment = args
            assert (method, environment) == ("authenticate", {})
            return UID if (database, user, key) == (DATABASE, USER, KEY) else False
        assert (service, method) == ("object", "execute_kw")
        database, uid, key, model, name, positional, keywords = args
        if (database, uid, key) != (DATABASE, UID, KEY):
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied")
        if not self.rights:
            raise OdooError("odoo.exceptions.AccessError", "You are not allowed to access")
        self.calls.append((model, name))
        return getattr(self, f"_{name}")(model, *positional, **keywords)

    def _check_access_rights(self, model, operation):
        assert model == "hr.attendance"
        assert operation in {"create", "write"}
        return True

    def _search_read(self, model, domain, *, fields, limit=None, order=None):
        rows = {"hr.employee": self.employees, "hr.attendance": self.attendances}[model]
        found = [
            row
            for row in rows
            if all(_OPERATORS[operator](row[field], value) for field, operator, value in domain)
        ]
        if order is not None:
            assert order == "check_in desc"
            found.sort(key=lambda row: row["check_in"], reverse=True)
        return [{"id": row["id"]} | {field: row[field] for field in fields} for row in found][
            :limit
        ]

    def _create(self, model, values):
        assert model == "hr.attendance"
        assert values.keys() <= {"employee_id", "check_in", "check_out"}
        row = {"id": len(self.attendances) + 1, "check_out": False} | values
        self._check(row)
        self.attendances.append(row)
        self._wrote = True
        return row["id"]

    def _write(self, model, ids, values):
        assert model == "hr.attendance"
        [number] = ids
        [row] = [row for row in self.attendances if row["id"] == number]
        self._check(row | values)
        row.update(values)
        self._wrote = True
        return True

    def _check(self, row):
        for field in ("check_in", "check_out"):
            if row[field]:
                assert _DATETIME.fullmatch(row[field]), row
        start, end = row["check_in"], row["check_out"]
        if end and end < start:
            raise invalid('"Check Out" time cannot be earlier than "Check In" time.')
        others = [
            other
            for other in self.attendances
            if other["employee_id"] == row["employee_id"] and other["id"] != row["id"]
        ]
        before = max(
            (o for o in others if o["check_in"] <= start), key=lambda o: o["check_in"], default=None
        )
        if before and before["check_out"] and before["check_out"] > start:
            raise invalid(f"the employee was already checked in on {start}")
        if not end:
            if any(not other["check_out"] for other in others):
                raise invalid("the employee hasn't checked out since then")
            return
        until = max(
            (o for o in others if o["check_in"] < end), key=lambda o: o["check_in"], default=None
        )
        if until and until is not before:
            raise invalid(f"the employee was already checked in on {until['check_in']}")
