"""Captures of the ZK pull protocol as rows: records where there are any, else the frames."""

from collections.abc import Iterator, Mapping

from edge_agent.decoding.containers import CaptureFile, parse_container
from edge_agent.decoding.kinds import Row
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.unreadable import UnreadableError
from edge_agent.decoding.zk import hex_record_rows
from edge_agent.decoding.zk_frame_rows import packet_rows, stray_row
from edge_agent.decoding.zk_piece_rows import ReadTable, read_captured_table, table_rows
from edge_agent.decoding.zk_tables import wall_clock
from protocols.ordinals import LogOrder
from protocols.zk.capture import Captured, CapturedPacket, Segment, Stray, read_tcp, read_udp
from protocols.zk.captured_tables import TableCollector


def decode_frames(data: bytes, *, source: str, summary: Summary) -> Iterator[Row]:
    """`zkcapture/1`. Frames that carry a table give the table's rows, every other frame one row."""
    capture = parse_container(data, CaptureFile, "zkcapture/1")
    items = _items(capture)
    collector = TableCollector(items, datagrams=capture.transport == "udp")
    tables = [read_captured_table(table, wall_clock().year) for table in collector.tables]
    users = _known_users(tables)
    _count(items, tables, summary)
    at = {table.first: table for table in tables}
    members = collector.members if tables else frozenset[int]()
    if not tables and collector.members:
        summary.incomplete = True  # table requests, and no answer to any of them
    for index, item in enumerate(items):
        if index in at:
            yield from table_rows(at[index], source=source, users=users)
        if index in members:
            continue
        if isinstance(item, Stray):
            yield stray_row(item, source)
        else:
            yield from packet_rows(item, source)
    order = LogOrder()
    for number, record in enumerate(capture.records):
        yield from hex_record_rows(record, source=source, offset=number, order=order)


def segments_of(capture: CaptureFile) -> list[Segment]:
    """Raises UnreadableError for what is no hex."""
    try:
        return [
            Segment(sent=frame.dir == "TX", data=bytes.fromhex(frame.hex))
            for frame in capture.frames
        ]
    except ValueError as exc:
        raise UnreadableError(
            f"a frame is not hex: {exc}", remedy="Save the capture again, two digits a byte"
        ) from exc


def _items(capture: CaptureFile) -> list[Captured]:
    read = read_udp if capture.transport == "udp" else read_tcp
    return list(read(segments_of(capture)))


def _known_users(tables: list[ReadTable]) -> Mapping[int, str]:
    """User ids by uid, from the user tables in the same capture."""
    return {user.uid: user.user_id for table in tables for user in table.users}


def _count(items: list[Captured], tables: list[ReadTable], summary: Summary) -> None:
    packets = [item for item in items if isinstance(item, CapturedPacket)]
    summary.add("frames", len(packets))
    wrong = sum(not packet.checksum_ok for packet in packets)
    if wrong:
        summary.add("wrong_checksums", wrong)
    missing = sum(table.missing for table in tables)
    if missing:
        summary.add("missing_bytes", missing)
    if any(not table.complete for table in tables):
        summary.incomplete = True
