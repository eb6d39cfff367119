"""Modbus answers as rows."""

from edge_agent.decoding.rows import Row
from protocols.errors import ProtocolError
from protocols.modbus.pdu import (
    ExceptionResponse,
    OtherPdu,
    ReadRequest,
    ReadResponse,
    Request,
    Response,
    WriteRegister,
    check_answers,
)

UNANSWERED = "unanswered"
"""The summary's count of requests that nobody answered."""

NO_REQUEST = "no_request"
"""Flag of an answer whose question is not in the capture: its address is not known."""


def answer_row(source: str, unit: int, request: Request | None, response: Response) -> Row:
    """Raises ProtocolError when `response` cannot answer `request` (None: not captured)."""
    row: Row = {"serial": source, "unit": unit, "function": int(response.function), "flags": []}
    if request is None:
        row["flags"] = [NO_REQUEST]
    else:
        check_answers(request, response)
    address = request.address if isinstance(request, ReadRequest | WriteRegister) else None
    match response:
        case ReadResponse(registers=registers):
            return {"kind": "registers", **row, "address": address, "registers": list(registers)}
        case ExceptionResponse(code=code, meaning=meaning):
            facts = {"address": address, "exception": code, "meaning": meaning}
            return {"kind": "device_event", "code": "modbus_exception", **row, **facts}
        case WriteRegister(address=written, value=value):
            return {"kind": "command_result", **row, "address": written, "value": value}
        case OtherPdu():
            return {"kind": "frame", **row}


def check_unit(asked: int, answered: int) -> None:
    """Raises ProtocolError when another unit answers than was asked."""
    if asked != answered:
        raise ProtocolError(f"asked unit {asked}, unit {answered} answered")
