"""Tables at rest, events and USB exports of ZK terminals as rows."""

import re
from collections.abc import Iterator

from edge_agent.decoding.containers import (
    EventsFile,
    HexRecord,
    RecordsFile,
    is_json_object,
    parse_container,
)
from edge_agent.decoding.kinds import Row
from edge_agent.decoding.rows import punch_row, quarantined_row, template_row
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.zk_events import event_rows
from edge_agent.decoding.zk_tables import (
    attendance_rows,
    bad_row,
    operation_rows,
    user_rows,
    wall_clock,
)
from protocols.ordinals import LogOrder
from protocols.records import Quarantined
from protocols.zk.commands import EVENT
from protocols.zk.framing import HEADER_BYTES, TCP_MAGIC, decode_packet
from protocols.zk.layouts import Layout
from protocols.zk.stored_tables import (
    ALL_FORMS,
    SIZE_WORD,
    USER_WIDTHS,
    Alignment,
    align,
    size_word,
)
from protocols.zk.templates import read_template_head
from protocols.zk.usb_export import decode_usb_export
from protocols.zk.users import UserWidth, mask_password

_TCP_ENVELOPE_BYTES = 8
_ATT8_A = re.compile(r"att8(a|_HBB)")
_ATT8_B = re.compile(r"att8(b|_HBI)")
_WIDTH_IN_KIND = re.compile(r"(att|attlog|user)_?(\d+)")


def decode_dat(data: bytes, *, source: str, summary: Summary) -> Iterator[Row]:  # noqa: ARG001 - the signature of every decoder
    """A USB export: `N_attlog.dat`."""
    order = LogOrder()
    for record in decode_usb_export(data, serial=source, now=wall_clock()):
        if isinstance(record, Quarantined):
            yield quarantined_row(record)
        else:
            yield punch_row(order.place(record))


def decode_attlog(data: bytes, *, source: str, summary: Summary) -> Iterator[Row]:
    """An attendance table with its size word, or `zkrecords/1`."""
    if is_json_object(data):
        yield from _record_rows(data, source)
    else:
        yield from _table_rows(data, tuple(Layout), source, summary)


def decode_user_table(data: bytes, *, source: str, summary: Summary) -> Iterator[Row]:
    """A user table with its size word, or `zkrecords/1`."""
    if is_json_object(data):
        yield from _record_rows(data, source)
    else:
        yield from _table_rows(data, USER_WIDTHS, source, summary)


def decode_events(data: bytes, *, source: str, summary: Summary) -> Iterator[Row]:
    """`zkevents/1`: event packets without TCP envelope."""
    offset = 0
    for event in parse_container(data, EventsFile, "zkevents/1").events:
        body = event.content()
        if body is None:
            yield bad_row(source, offset, "the event has no hex bytes")
            continue
        yield from _packet_rows(body, source, offset, summary)
        offset += len(body)


def hex_record_rows(record: HexRecord, *, source: str, offset: int, order: LogOrder) -> list[Row]:
    """One record that its file names by kind; one row."""
    content = record.content()
    if content is None:
        return [bad_row(source, offset, f"record {record.kind!r} has no hex bytes")]
    if record.kind.startswith("oplog"):
        return list(operation_rows(content, source=source, offset=offset))
    if record.kind.startswith("template"):
        template = read_template_head(content)
        if template is None:
            return [bad_row(source, offset, "a template header has six bytes", content)]
        return [template_row(template)]
    form = _form_of(record.kind, content)
    if form is None:
        return [bad_row(source, offset, f"no decoder for a record {record.kind!r}", content)]
    return _form_rows(content, form, record.kind, source=source, offset=offset, order=order)


def _form_rows(
    content: bytes,
    form: Layout | UserWidth,
    kind: str,
    *,
    source: str,
    offset: int,
    order: LogOrder,
) -> list[Row]:
    width = form.width if isinstance(form, Layout) else form
    if len(content) != width:
        shown = content if isinstance(form, Layout) else mask_password(content, form)
        reason = f"{len(content)} bytes, a record {kind!r} has {width}"
        return [bad_row(source, offset, reason, shown)]
    if isinstance(form, Layout):
        return list(attendance_rows(content, form, source=source, order=order, offset=offset))
    return list(user_rows(content, form, source=source, offset=offset))


def _record_rows(data: bytes, source: str) -> Iterator[Row]:
    order = LogOrder()
    offset = 0
    for record in parse_container(data, RecordsFile, "zkrecords/1").records:
        yield from hex_record_rows(record, source=source, offset=offset, order=order)
        offset += len(record.content() or b"")


def _form_of(kind: str, content: bytes) -> Layout | UserWidth | None:
    """The form that a record's kind names; without a width in it, the one its bytes suggest."""
    if _ATT8_A.match(kind):
        return Layout.ATT8A
    if _ATT8_B.match(kind):
        return Layout.ATT8B
    named = _WIDTH_IN_KIND.match(kind)
    width = int(named[2]) if named else len(content)
    family = USER_WIDTHS if kind.startswith("user") else ALL_FORMS
    if kind.startswith("att"):
        family = tuple(Layout)
    forms = [form for form in family if (form.width if isinstance(form, Layout) else form) == width]
    if len(forms) == 1:
        return forms[0]
    found = align(content, now_year=wall_clock().year, forms=forms)
    return found.form if found is not None else None


def _table_rows(
    data: bytes, forms: tuple[Layout | UserWidth, ...], source: str, summary: Summary
) -> Iterator[Row]:
    if not data:
        return
    announced = size_word(data)
    start = 0 if announced is None else SIZE_WORD.size
    records = data[start:]
    found = align(records, total=announced, now_year=wall_clock().year, forms=forms)
    if found is None and announced is not None:  # the size word may lie: let the bytes decide
        found = align(records, now_year=wall_clock().year, forms=forms)
    if announced is not None and announced > len(records):
        summary.incomplete = True
        summary.add("missing_bytes", announced - len(records))
    if found is None:
        if records:
            shown = data if Layout.ATT40 in forms else b""  # a user table may show passwords
            yield bad_row(source, 0, f"{len(records)} bytes make no sense as records", shown)
        return
    yield from _aligned_rows(records, found, source, start)


def _aligned_rows(records: bytes, found: Alignment, source: str, offset: int) -> Iterator[Row]:
    if isinstance(found.form, Layout):
        order = LogOrder()
        return attendance_rows(records, found.form, source=source, order=order, offset=offset)
    return user_rows(records, found.form, source=source, offset=offset)


def _packet_rows(body: bytes, source: str, offset: int, summary: Summary) -> list[Row]:
    if body.startswith(TCP_MAGIC):
        body = body[_TCP_ENVELOPE_BYTES:]
    if len(body) < HEADER_BYTES:
        return [bad_row(source, offset, f"{len(body)} bytes, a packet has {HEADER_BYTES}", body)]
    packet = decode_packet(body, verify=False)
    if packet.command != EVENT:
        reason = f"a packet with command {packet.command} is no event"
        return [bad_row(source, offset, reason, body)]
    rows = event_rows(packet, source=source, offset=offset)
    summary.add("events")
    return rows
