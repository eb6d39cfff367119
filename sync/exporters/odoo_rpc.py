"""Odoo's external API over JSON-RPC (`/jsonrpc`): `common.authenticate`, `object.execute_kw`.

Errors come as HTTP 200 with `error.data.name`, the Python class that Odoo raised. The endpoint is
deprecated since Odoo 19 and announced to go with Odoo 22 (odoo/documentation,
content/developer/reference/external_rpc_api.rst).
"""

from itertools import count
from typing import Any

import msgspec
from msgspec import Struct

from sync.exporters.errors import ExportError, ExportRefusedError, ExportUnreachableError
from sync.exporters.web import Web, plain

# The record is at fault, not the connection: a person must look at it.
_OF_THE_RECORD = frozenset(
    {"odoo.exceptions.ValidationError", "odoo.exceptions.UserError", "odoo.exceptions.MissingError"}
)
_OF_THE_RIGHTS = frozenset({"odoo.exceptions.AccessError", "odoo.exceptions.AccessDenied"})


class OdooRefusal(Exception):  # noqa: N818 - not a failure of the export: one record is refused
    """Odoo refused what a call says, in its words."""


class OdooLogin(Struct, frozen=True, kw_only=True):
    url: str
    database: str
    user: str
    key: str  # an API key of that user (Odoo 14 and newer), or the password
    timeout_s: float = 30.0


class OdooRpc:
    def __init__(self, login: OdooLogin) -> None:
        self._login = login
        self._url = f"{login.url.rstrip('/')}/jsonrpc"
        self._numbers = count(1)
        self._uid: int | None = None
        self.web = Web(
            f"Odoo {login.url}",
            timeout_s=login.timeout_s,
            headers={"Content-Type": "application/json"},
        )

    async def authenticate(self) -> int:
        """The user's id. Raises ExportError."""
        login = self._login
        uid = await self._call(
            "common", "authenticate", [login.database, login.user, login.key, {}]
        )
        if not isinstance(uid, int) or isinstance(uid, bool):
            raise self._no_access(f"user {login.user} or its key is not known")
        self._uid = uid
        return uid

    async def execute(
        self, model: str, method: str, arguments: list[Any], options: dict[str, Any]
    ) -> Any:
        """Raises OdooRefusal when the content is refused, ExportError otherwise."""
        uid = await self.authenticate() if self._uid is None else self._uid
        login = self._login
        return await self._call(
            "object",
            "execute_kw",
            [login.database, uid, login.key, model, method, arguments, options],
        )

    async def aclose(self) -> None:
        await self.web.aclose()

    async def _call(self, service: str, method: str, arguments: list[Any]) -> Any:
        number = next(self._numbers)
        body = msgspec.json.encode(
            {
                "jsonrpc": "2.0",
                "method": "call",
                "id": number,
                "params": {"service": service, "method": method, "args": arguments},
            }
        )
        reply = await self.web.request("POST", self._url, content=body)
        if reply.status != 200:
            raise self.web.failure(reply)
        answer = reply.json()
        if not isinstance(answer, dict) or answer.get("id") != number:
            raise self.web.rubbish("no JSON-RPC answer to this call")
        if "error" in answer:
            raise self._error(answer["error"])
        if "result" not in answer:
            raise self.web.rubbish("a JSON-RPC answer with neither result nor error")
        return answer["result"]

    def _error(self, error: Any) -> Exception:
        data = error.get("data") if isinstance(error, dict) else None
        data = data if isinstance(data, dict) else {}
        name, said = str(data.get("name", "")), plain(data.get("message", "an error"))
        if name in _OF_THE_RECORD:
            return OdooRefusal(said)
        if name in _OF_THE_RIGHTS:
            self._uid = None
            return self._no_access(said)
        return ExportUnreachableError(
            f"failed inside ({plain(name) or 'unnamed'}: {said})",
            where=self.web.where,
            remedy="It is tried again by itself; if it repeats, read Odoo's log, and check the "
            "name of the database",
            code="odoo_error",
        )

    def _no_access(self, what: str) -> ExportError:
        return ExportRefusedError(
            what,
            where=self.web.where,
            remedy="Check database, user and key_file; the user needs the rights of an HR officer "
            "and of an attendance officer",
            code="credentials_refused",
        )
