"""A small Frappe: its token, its method, its two lists, and its errors in its shapes.

After hrms/hr/doctype/employee_checkin/employee_checkin.py and frappe/app.py, frappe/utils/response.py:
a refusal of a document is HTTP 417 with exc_type, exception, and _server_messages (JSON in JSON).
"""

import asyncio
import json
import re
from datetime import datetime

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

KEY = "0123456789abcde:fedcba987654321"
_ARGUMENTS = {
    "employee_field_value", "timestamp", "device_id", "log_type", "skip_auto_attendance",
    "employee_fieldname", "latitude", "longitude",
}  # fmt: skip
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?")
ENGLISH = {
    "duplicate": "This employee already has a log with the same timestamp.<Br><a href='#'>X</a>",
    "unknown": "No Employee found for the given employee field value. '{}': {}",
    "inactive": "Transactions cannot be created for an Inactive Employee {}.",
}
GERMAN = {
    "duplicate": "Dieser Mitarbeiter hat bereits ein Protokoll mit demselben Zeitstempel.",
    "unknown": "Kein Mitarbeiter für den Feldwert gefunden. '{}': {}",
    "inactive": "Für den inaktiven Mitarbeiter {} können keine Vorgänge erstellt werden.",
}


class FrappeStandIn:
    def __init__(self, *, app="hrms", words=ENGLISH, one_log_a_second=False):
        self.app_name = app
        self.words = words
        self.one_log_a_second = one_log_a_second  # before frappe/hrms compared log_type as well
        self.employees = {"1007": "HR-EMP-00007", "1008": "HR-EMP-00008", "1009": "HR-EMP-00009"}
        self.inactive = set()
        self.may_read = True
        self.checkins = []
        self.calls = []
        self.running = self.most_running = 0
        self.delay_s = 0.0
        self.swallow = 0  # stores, then answers 502, as a proxy whose peer went away
        self.fail = None  # a status instead of any answer
        self.asgi = Starlette(
            routes=[
                Route("/api/method/{method}", self._method, methods=["POST"]),
                Route("/api/resource/{doctype}", self._list, methods=["GET"]),
            ]
        )

    async def _method(self, request):
        if (refusal := self._refused(request)) is not None:
            return refusal
        wanted = (
            f"{self.app_name}.hr.doctype.employee_checkin.employee_checkin"
            ".add_log_based_on_employee_field"
        )
        if request.path_params["method"] != wanted:
            return _throw(
                f"Failed to get method for command {request.path_params['method']} with "
                "No module named 'x'"
            )
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        form = dict(await _form(request))
        assert form.keys() <= _ARGUMENTS, form
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.delay_s)
            return self._add_log(form)
        finally:
            self.running -= 1

    def _add_log(self, form):
        value, timestamp = form.get("employee_field_value"), form.get("timestamp")
        if not value or not timestamp:
            return _throw("'employee_field_value' and 'timestamp' are required.")
        self.calls.append((value, timestamp))
        assert _TIMESTAMP.fullmatch(timestamp), timestamp
        assert form.get("log_type") in {None, "IN", "OUT"}
        assert form["employee_fieldname"] == "attendance_device_id"
        employee = self.employees.get(value)
        if employee is None:
            return _throw(self.words["unknown"].format(form["employee_fieldname"], value))
        if employee in self.inactive:
            said = self.words["inactive"].format(employee)
            return _throw(said, kind="InactiveEmployeeStatusError")
        time = datetime.fromisoformat(timestamp).replace(microsecond=0)
        for known in self.checkins:
            same_type = self.one_log_a_second or known["log_type"] == form.get("log_type")
            if (known["employee"], known["time"]) == (employee, str(time)) and same_type:
                return _throw(self.words["duplicate"])
        document = {
            "name": f"EMP-CKIN-{len(self.checkins) + 1:05}",
            "doctype": "Employee Checkin",
            "employee": employee,
            "time": str(time),
            "device_id": form.get("device_id"),
            "log_type": form.get("log_type"),
        }
        self.checkins.append(document)
        if self.swallow:
            self.swallow -= 1
            return JSONResponse({}, 502)
        return JSONResponse({"message": document})

    async def _list(self, request):
        if (refusal := self._refused(request)) is not None:
            return refusal
        if not self.may_read:
            return _throw("Not permitted", kind="PermissionError", status=403)
        doctype = request.path_params["doctype"]
        rows = {
            "Employee": [
                {"name": name, "attendance_device_id": value}
                for value, name in self.employees.items()
            ],
            "Employee Checkin": self.checkins,
        }[doctype]
        filters = json.loads(request.query_params["filters"])
        fields = json.loads(request.query_params["fields"])
        assert all(operator == "=" for _, operator, _ in filters)
        found = [row for row in rows if all(row[key] == value for key, _, value in filters)]
        return JSONResponse({"data": [{key: row[key] for key in fields} for row in found]})

    def _refused(self, request):
        if self.fail is not None:
            return JSONResponse({"exc_type": "Oops"}, self.fail, headers={"Retry-After": "17"})
        if request.headers["authorization"] != f"token {KEY}":
            return JSONResponse({"exc_type": "AuthenticationError"}, 401)
        return None


async def _form(request):
    from urllib.parse import parse_qsl

    return parse_qsl((await request.body()).decode(), keep_blank_values=True, strict_parsing=True)


def _throw(message, *, kind="ValidationError", status=417):
    return JSONResponse(
        {
            "exception": f"frappe.exceptions.{kind}: {message}",
            "exc_type": kind,
            "exc": json.dumps(["Traceback (most recent call last): …"]),
            "_server_messages": json.dumps([json.dumps({"message": message, "indicator": "red"})]),
        },
        status,
    )
