"""Rows of a table that was put together from a capture, whatever part of it was captured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced

from msgspec.structs import replace

from edge_agent.decoding.kinds import Row
from edge_agent.decoding.rows import template_row
from edge_agent.decoding.zk_tables import (
    NO_CODE_PAGE,
    attendance_rows,
    bad_row,
    operation_rows,
    user_rows,
)
from protocols.ordinals import LogOrder
from protocols.records import Punch, Quarantined
from protocols.zk.attendance import decode_attendance
from protocols.zk.capture import Gap
from protocols.zk.captured_tables import CapturedTable, Piece
from protocols.zk.commands import Command
from protocols.zk.layout_choice import plausibility
from protocols.zk.layouts import Layout
from protocols.zk.oplog import OPERATION_BYTES
from protocols.zk.stored_tables import (
    ALL_FORMS,
    SIZE_WORD,
    USER_WIDTHS,
    Alignment,
    align,
    size_word,
)
from protocols.zk.templates import (
    Template,
    digest,
    holds_template,
    is_template,
    is_template_table,
    read_templates,
)
from protocols.zk.users import User, UserWidth, decode_users, mask_password

# Of a position that was computed from a capture with holes: another start must not fit better.
_SURE = 0.99
_CLEARLY = 0.05

_UIDS = 0x10000  # an internal uid is a u16

_FORMS_BY_COMMAND: dict[int | None, tuple[Layout | UserWidth, ...]] = {
    Command.ATTLOG_RRQ: tuple(Layout),
    Command.ATTLOG_RANGE_RRQ: tuple(Layout),
    Command.USERTEMP_RRQ: USER_WIDTHS,
}


@dataclass(slots=True, kw_only=True)
class Run:
    """Record bytes that stood together, and how to read them; `offset` in the table, size word
    included (in the captured bytes where the place in the table is unknown).
    """

    data: bytes
    offset: int
    reading: Alignment | None
    framed: bool  # its size word was captured and counts exactly these bytes

    @property
    def score(self) -> float:
        return 0.0 if self.reading is None else self.reading.score


@dataclass(slots=True, kw_only=True)
class ReadTable:
    first: int
    complete: bool
    missing: int
    command: int | None
    runs: list[Run] = field(default_factory=list)
    templates: list[Template] = field(default_factory=list)

    @property
    def users(self) -> Iterator[User]:
        for run in self.runs:
            if run.reading is not None and not isinstance(run.reading.form, Layout):
                for user in _records(run, run.reading):
                    if isinstance(user, User):
                        yield user


def read_captured_table(table: CapturedTable, now_year: int) -> ReadTable:
    read = ReadTable(
        first=table.first,
        complete=table.complete,
        missing=max(0, (table.expected or 0) - table.captured_bytes),
        command=table.command,
    )
    read.templates = _templates(table)
    if not read.templates:
        read.runs = _runs(table, now_year)
    return read


def table_rows(table: ReadTable, *, source: str, users: Mapping[int, str]) -> Iterator[Row]:
    """The whole records; all that is cut off at their edges is one quarantined row."""
    for template in table.templates:
        yield template_row(template) | {"complete": table.complete}
    order = LogOrder()
    cut: list[tuple[int, bytes]] = []
    for run in table.runs:
        if table.command == Command.OPLOG_RRQ:
            whole = len(run.data) - len(run.data) % OPERATION_BYTES
            yield from operation_rows(run.data[:whole], source=source, offset=run.offset)
            cut.append((run.offset + whole, run.data[whole:]))
        elif run.reading is None:
            yield _senseless_row(run, source)
        else:
            yield from _record_rows(run, run.reading, source, order, users)
            cut += _edges(run, run.reading)
    rest = [(offset, raw) for offset, raw in cut if raw]
    if rest:
        lengths = " and ".join(str(len(raw)) for _, raw in rest)
        reason = f"cut records at the edge of the capture: {lengths} bytes"
        yield bad_row(source, rest[0][0], reason, b"".join(raw for _, raw in rest))


def _templates(table: CapturedTable) -> list[Template]:
    if not table.pieces or table.pieces[0].position not in {0, None}:
        return []
    head = table.pieces[0].data
    if is_template(head) or table.command == Command.GET_USERTEMP:
        content = b"".join(piece.data for piece in table.pieces)
        uid = int.from_bytes(table.argument[:2], "little") if table.argument else None
        finger = table.argument[2] if len(table.argument) > 2 else None
        size = table.expected or len(content)
        return [Template(size=size, digest=digest(content), uid=uid, finger=finger)]
    records = head[SIZE_WORD.size :]
    if size_word(head) is not None and (
        is_template_table(records) or table.command == Command.DB_RRQ
    ):
        return list(read_templates(records))
    return []


def _runs(table: CapturedTable, now_year: int) -> list[Run]:
    """All pieces of a table have one form: that of the most bytes."""
    forms: Sequence[Layout | UserWidth] = _FORMS_BY_COMMAND.get(table.command, ALL_FORMS)
    readings = [_run(piece, forms, now_year) for piece in table.pieces]
    bytes_by_form: dict[Layout | UserWidth, int] = {}
    for run in readings:
        if run.reading is not None:
            form = run.reading.form
            bytes_by_form[form] = bytes_by_form.get(form, 0) + len(run.data)
    common = max(bytes_by_form, key=lambda form: bytes_by_form[form], default=None)
    runs: list[Run] = []
    for piece, own_reading in zip(table.pieces, readings, strict=True):
        run = own_reading
        if common is not None and (run.reading is None or run.reading.form != common):
            run = _run(piece, (common,), now_year)
        if piece.follows and runs and (joined := _joined(runs[-1], run, now_year)) is not None:
            runs[-1] = joined
        else:
            runs += _around_gap(run, piece.gap, now_year) if piece.gap else [run]
    return runs


def _joined(before: Run, run: Run, now_year: int) -> Run | None:
    """Both as one, None when the second goes on with other records than the first ends with."""
    reading = before.reading
    if reading is None or before.framed or run.reading is None:
        return None
    end = len(before.data) - reading.start
    going_on = align(run.data, position=end, now_year=now_year, forms=(reading.form,))
    if going_on is None or going_on.score < run.reading.score - _CLEARLY:
        return None
    return replaced(before, data=before.data + run.data)


def _run(piece: Piece, forms: Sequence[Layout | UserWidth], now_year: int) -> Run:
    if piece.position == 0:
        return _run_with_size_word(piece, forms, now_year)
    position = None if piece.position is None else piece.position - SIZE_WORD.size
    reading = align(piece.data, position=position, now_year=now_year, forms=forms)
    if position is not None and (reading is None or reading.score < _SURE):
        free = align(piece.data, position=None, now_year=now_year, forms=forms)
        if reading is None or (free is not None and free.score > reading.score + _CLEARLY):
            reading, position = free, None
    if position is None and reading is not None:
        reading = _after_frame_head(piece.data, reading, now_year)
    run = Run(data=piece.data, offset=piece.position or 0, reading=reading, framed=False)
    if position is not None:
        return run
    begun = _run_with_size_word(piece, forms, now_year)  # it may be the beginning all the same
    return begun if begun.score > run.score else run


def _after_frame_head(piece: bytes, reading: Alignment, now_year: int) -> Alignment:
    """A stray piece may begin with the rest of a frame's head, in the place of a record."""
    start = reading.start
    while isinstance(reading.form, Layout) and len(piece) - start >= reading.width:
        if plausibility(piece[start : start + reading.width], reading.form, now_year) > 0:
            break
        start += reading.width
    return replace(reading, start=start)


def _run_with_size_word(piece: Piece, forms: Sequence[Layout | UserWidth], now_year: int) -> Run:
    announced = size_word(piece.data)
    start = 0 if announced is None else SIZE_WORD.size
    records = piece.data[start:]
    guessed = piece.position is None and announced != len(records)
    reading = align(records, total=announced, now_year=now_year, forms=forms, guessed=guessed)
    if reading is None and announced != len(records):
        reading = align(records, position=None, now_year=now_year, forms=forms)
    return Run(data=records, offset=start, reading=reading, framed=announced == len(records))


def _around_gap(run: Run, gap: Gap, now_year: int) -> list[Run]:
    """A run with bytes missing somewhere within, as two: up to the record in which the gap lies,
    and what follows it. Two halves of different records must not become a punch. Where nothing is
    missing, the second start is found right where the first part ends.
    """
    reading = run.reading
    if reading is None:
        return [run]
    bad = next((row.offset for row in _records(run, reading) if isinstance(row, Quarantined)), None)
    if bad is None and gap is not Gap.CERTAIN:
        return [run]
    if bad is None:
        bad = len(_whole_records(run, reading))
    end = reading.start + max(0, bad - reading.width)  # the last good one may be made of two
    rest = run.data[end:]
    following = align(rest, position=None, now_year=now_year, forms=(reading.form,))
    if following is None:  # too few records after the gap to be sure of their place
        following = Alignment(form=reading.form, start=len(rest), score=0.0)
    return [
        Run(data=run.data[:end], offset=run.offset, reading=reading, framed=False),
        Run(data=rest, offset=run.offset + end, reading=following, framed=False),
    ]


def _whole_records(run: Run, reading: Alignment) -> bytes:
    end = len(run.data) - (len(run.data) - reading.start) % reading.width
    return run.data[reading.start : end]


def _records(run: Run, reading: Alignment) -> Iterator[Punch | User | Quarantined]:
    records = _whole_records(run, reading)
    if isinstance(reading.form, Layout):
        uids = dict.fromkeys(range(_UIDS), "1") if reading.form.holds_uid else None
        return decode_attendance(records, reading.form, serial="", users=uids)
    return decode_users(records, encoding=NO_CODE_PAGE, width=reading.form)


def _record_rows(
    run: Run, reading: Alignment, source: str, order: LogOrder, users: Mapping[int, str]
) -> Iterator[Row]:
    records = _whole_records(run, reading)
    offset = run.offset + reading.start
    if isinstance(reading.form, Layout):
        return attendance_rows(
            records, reading.form, source=source, order=order, offset=offset, users=users
        )
    return user_rows(records, reading.form, source=source, offset=offset)


def _edges(run: Run, reading: Alignment) -> list[tuple[int, bytes]]:
    end = len(run.data) - (len(run.data) - reading.start) % reading.width
    head, tail = run.data[: reading.start], run.data[end:]
    if not isinstance(reading.form, Layout):
        tail = mask_password(tail, reading.form)
        head = bytes(len(head))  # may hold a part of a password
    return [(run.offset, head), (run.offset + end, tail)]


def _senseless_row(run: Run, source: str) -> Row:
    """Raw bytes only of what surely is no biometric template: a table with its right size word."""
    what = f"{len(run.data)} bytes make no sense as records of any known layout"
    if run.framed and not holds_template(run.data):
        return bad_row(source, run.offset, what, run.data)
    reason = f"{what}; cut out because they may be biometric, digest {digest(run.data)}"
    return bad_row(source, run.offset, reason)
