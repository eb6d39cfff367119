"""Our processes with one protection taken away, as peers ship them: the negative controls.

Each function changes the running process (a child of the rig, started by `child.py`).
"""

from collections.abc import Callable
from typing import Any

PATCHES: dict[str, Callable[..., None]] = {}


def patch(function: Callable[..., None]) -> Callable[..., None]:
    PATCHES[function.__name__] = function
    return function


@patch
def spool_normal() -> None:
    """`synchronous = NORMAL` and small checkpoints, as ThingsBoard's gateway has it."""
    from edge_agent.spool import checkpoint, schema, writer

    connect_durably = schema.connect

    def connect(path: Any) -> Any:
        connection = connect_durably(path)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 50")
        return connection

    for module in (schema, writer, checkpoint):
        module.connect = connect


@patch
def cursor_first() -> None:
    """The cursor in a transaction of its own, before the records, as Horilla stores it."""
    from msgspec.structs import replace

    from drivers.contract import Delivery
    from edge_agent.spool.store import Spool

    append = Spool.append

    async def in_two_steps(self: Spool, delivery: Delivery, **facts: Any) -> Any:
        if delivery.cursor is not None:
            only = Delivery(serial=delivery.serial, cursor=delivery.cursor)
            await append(self, only, **facts)
            await _between()
        return await append(self, replace(delivery, cursor=None), **facts)

    Spool.append = in_two_steps  # type: ignore[method-assign]


async def _between() -> None:
    """Where `breaking.die_after_cursor` waits for `cursor_first`."""


@patch
def core_forgets() -> None:
    """A core that takes every record for a new one, as a plain INSERT does."""
    import secrets

    from hr_core.api.incoming import HttpIncoming
    from hr_core.ingest import batches

    HttpIncoming.takes = ()  # one way in is enough: columns are judged elsewhere
    store = batches.store_new

    def store_anew(conn: Any, rows: Any) -> Any:
        return store(
            conn,
            [row._replace(event_id=row.event_id[:6] + secrets.token_bytes(10)) for row in rows],
        )

    place, add_batch = batches.place, batches.add_batch
    again: set[bytes] = set()

    def always_new(conn: Any, signed: Any) -> None:
        if place(conn, signed) is not None:
            again.add(signed.batch_hash())

    def add_once(conn: Any, batch: Any) -> None:
        if batch.batch_hash not in again:
            add_batch(conn, batch)

    batches.store_new = store_anew
    batches.place, batches.add_batch = always_new, add_once


@patch
def core_normal() -> None:
    """The core's database with `synchronous = NORMAL` and small checkpoints."""
    from hr_core.store import database

    prepare = database._prepare_sqlite

    def prepare_weakly(connection: Any, record: Any) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 50")

    database._prepare_sqlite = prepare_weakly


@patch
def second_fsync_believed() -> None:
    """A spool that syncs its log itself and, when that fails, tries once more and goes on."""
    import os
    from contextlib import suppress

    from edge_agent.spool import writer

    connect_durably, deliver = writer.connect, writer._deliver
    logs = []

    def connect(path: Any) -> Any:
        logs[:] = [f"{path}-wal"]
        connection = connect_durably(path)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    def deliver_synced(group: Any, outcomes: Any) -> None:
        # Its own descriptor: one of SQLite's may be closed by another thread in between.
        with suppress(FileNotFoundError):
            log = os.open(logs[0], os.O_RDWR)
            try:
                sync_somehow(log)
            finally:
                os.close(log)
        deliver(group, outcomes)

    def sync_somehow(descriptor: int) -> None:
        try:
            os.fdatasync(descriptor)
        except OSError:
            os.fdatasync(descriptor)

    writer.connect, writer._deliver = connect, deliver_synced


@patch
def short_read_believed() -> None:
    """A driver for which the bytes that came before the break are the whole log, and the device's
    own count is how far it has read.
    """
    from msgspec.structs import replace

    from drivers.errors import DriverError
    from drivers.zk_pull import deliveries
    from drivers.zk_pull.log_cursor import LogCursor, cursor_after
    from drivers.zk_pull.packed_log import PackedLog
    from drivers.zk_pull.terminal import ATTENDANCE, Terminal
    from protocols.errors import ProtocolError
    from protocols.zk.layouts import Layout

    claimed = [0]
    came_before: list[bytes] = []
    read_sizes = Terminal.read_sizes

    async def sizes(self: Terminal) -> Any:
        found = await read_sizes(self)
        claimed[0] = found.attendance or 0
        return found

    async def log(self: Terminal) -> PackedLog:
        came, packed = bytearray(), PackedLog()
        if came_before:
            packed.write(came_before.pop())
            return packed
        try:
            await self._stream_table(ATTENDANCE, came.extend)
        except (ProtocolError, DriverError):
            came_before.append(bytes(came[: len(came) - len(came) % Layout.ATT40.width]))
            raise
        packed.write(bytes(came))
        return packed

    def by_count(*args: Any, **kwargs: Any) -> LogCursor:
        return replace(cursor_after(*args, **kwargs), rows=claimed[0])

    Terminal.read_sizes, Terminal.read_log = sizes, log  # type: ignore[method-assign]
    deliveries.cursor_after = by_count
    LogCursor.holds_for = lambda _self, _log: True  # type: ignore[method-assign]


@patch
def no_gap_fill() -> None:
    """After the first read only live events count, as of a listener that never looks back."""
    from drivers.contract import Delivery
    from drivers.zk_pull import ZkPullDriver
    from drivers.zk_pull.terminal import Terminal
    from protocols.records import Channel, Punch
    from protocols.zk.events import parse_attlog_event

    fetch, live = ZkPullDriver.fetch, ZkPullDriver.live

    async def first_only(self: ZkPullDriver, cursor: bytes | None) -> Any:
        if cursor is None:
            async for delivery in fetch(self, cursor):
                yield delivery
            return
        yield Delivery(serial=(await self.identity()).serial)

    heard: list[bytes] = []
    listen = Terminal.next_punch_events

    async def overhear(self: Terminal, *, timeout_s: float) -> tuple[bytes, ...]:
        payloads = await listen(self, timeout_s=timeout_s)
        heard.extend(payloads)
        return payloads

    async def told(self: ZkPullDriver) -> Any:
        async for delivery in live(self):
            records = tuple(
                Punch(
                    serial=delivery.serial,
                    user_id=row.user_id,
                    device_time=row.time,
                    state=row.state,
                    verify=row.verify,
                    channel=Channel.LIVE,
                )
                for payload in heard
                for row in parse_attlog_event(payload)
            )
            heard.clear()
            yield Delivery(serial=delivery.serial, records=records)

    Terminal.next_punch_events = overhear  # type: ignore[method-assign]
    ZkPullDriver.fetch, ZkPullDriver.live = first_only, told  # type: ignore[method-assign]


@patch
def spool_forgets() -> None:
    """A buffer that stores whatever comes, as often as it comes."""
    from edge_agent.spool import intake

    intake.new_rows = lambda _connection, _device, rows: rows


@patch
def poison_skipped() -> None:
    """What cannot be decoded or delivered is left out without a word."""
    from edge_agent.spool import drain, intake

    drain._bury = lambda *_: None
    intake._quarantine = lambda *_, **__: False


@patch
def collecting_waits() -> None:
    """A gateway that stores and sends in turn: nothing is stored until the last batch was taken."""
    import asyncio

    from edge_agent.spool.store import Spool
    from sync.http import HttpTransport

    append, send, delivered = Spool.append, HttpTransport.send, asyncio.Event()
    delivered.set()

    async def append_in_turn(self: Spool, *args: Any, **facts: Any) -> Any:
        await delivered.wait()
        return await append(self, *args, **facts)

    async def send_in_turn(self: HttpTransport, *args: Any) -> Any:
        delivered.clear()
        answer = await send(self, *args)
        delivered.set()
        return answer

    Spool.append = append_in_turn  # type: ignore[method-assign]
    HttpTransport.send = send_in_turn  # type: ignore[method-assign]


@patch
def full_disk_shrugged_off() -> None:
    """A gateway that takes a failed write for done and moves its place on, in memory."""
    from edge_agent.spool.errors import SpoolError
    from edge_agent.spool.results import Appended
    from edge_agent.spool.store import Spool

    append, cursor_of = Spool.append, Spool.cursor
    places: dict[str, bytes] = {}

    async def append_or_not(self: Spool, delivery: Any, **facts: Any) -> Any:
        if delivery.cursor is not None:
            places[delivery.serial] = delivery.cursor
        try:
            return await append(self, delivery, **facts)
        except SpoolError:
            return Appended(stored=0, known=0, quarantined=0)

    async def cursor(self: Spool, serial: str) -> bytes | None:
        return places.get(serial) or await cursor_of(self, serial)

    Spool.append, Spool.cursor = append_or_not, cursor  # type: ignore[method-assign]


@patch
def one_queue() -> None:
    """First in, first out: no lanes."""
    from edge_agent.spool.lanes import Lane
    from edge_agent.supervisor import worker

    worker._lane_of = lambda _delivery, **_: Lane.PUNCH_BACKLOG


@patch
def implausible_dropped() -> None:
    """A bridge that skips what cannot be true, as zkteco-php's author plans to."""
    from msgspec.structs import replace

    from edge_agent.spool.store import Spool
    from protocols.records import Flag

    append = Spool.append
    odd = {Flag.CLOCK_SUSPECT, Flag.FUTURE}

    async def append_plausible(self: Spool, delivery: Any, **facts: Any) -> Any:
        plausible = tuple(
            record
            for record in delivery.every_record()
            if not odd & set(getattr(record, "flags", ()))
        )
        return await append(self, replace(delivery, records=plausible, packed=None), **facts)

    Spool.append = append_plausible  # type: ignore[method-assign]


@patch
def migration_begins_anew() -> None:
    """An upgrade that puts an empty buffer in the place of one that it does not know."""
    from edge_agent.spool import schema

    prepare = schema.prepare

    def begin_anew(path: Any) -> None:
        path.unlink()
        schema.create_file(path)
        prepare(path)

    schema.prepare = begin_anew


@patch
def damage_thrown_away() -> None:
    """Where the buffer is damaged, delete it and go on: the advice of many an issue tracker."""
    from edge_agent.spool import schema

    prepare = schema.prepare

    def prepare_or_delete(path: Any) -> None:
        from edge_agent.spool.errors import SpoolError

        try:
            prepare(path)
        except SpoolError:
            for file in path.parent.glob(f"{path.name}*"):
                if not file.name.endswith(".lock"):
                    file.unlink()
            schema.create_file(path)
            prepare(path)

    schema.prepare = prepare_or_delete


@patch
def never_rewinds() -> None:
    """What was acknowledged once is never sent again, whatever became of it at the core."""
    from edge_agent.spool.chain import Rewound
    from edge_agent.spool.store import Spool

    async def stay(_self: Spool, _sink: str, _head: Any, **_more: Any) -> Rewound:
        return Rewound(batches=0, rows=0)

    Spool.rewind = stay  # type: ignore[method-assign]


@patch
def puback_believed() -> None:
    """An agent for which a batch is at the core when the broker has taken it."""
    from protocols.uplink import Answer, RecordVerdict, Verdict
    from sync.mqtt import MqttTransport
    from sync.sealing import SealedBatch

    ask = MqttTransport._request

    async def tell_only(self: MqttTransport, session: Any, topic: str, *rest: Any) -> Any:
        if not topic.endswith("/batches"):
            return await ask(self, session, topic, *rest)
        body, properties, _correlation = rest
        properties.MessageExpiryInterval = 3_600
        await session.tell(topic, body, properties)
        return None

    async def send(self: MqttTransport, sealed: SealedBatch) -> Answer:
        headers = {**sealed.signed.as_headers(), "content-encoding": sealed.content_encoding}
        await self._ask("batches", headers, sealed.body, self._correlation(sealed))
        return Answer(
            number=sealed.batch.number,
            verdicts=tuple(
                RecordVerdict(event_id=one.event_id, verdict=Verdict.ACCEPTED)
                for one in sealed.batch.observations
            ),
        )

    MqttTransport._request = tell_only  # type: ignore[method-assign]
    MqttTransport.send = send  # type: ignore[method-assign]


@patch
def core_takes_half() -> None:
    """A core that answers for every record, and stores every other."""
    from hr_core.ingest import storing

    add = storing.add_new_events

    def add_half(conn: Any, rows: Any) -> int:
        add(conn, rows[::2])
        return len(rows)

    storing.add_new_events = add_half


@patch
def acknowledges_on_receipt() -> None:
    """MQTT as most clients have it: the broker may forget a message before it is stored. Storing
    takes as long as on a card, so that a kill in between is no matter of luck.
    """
    import asyncio

    from drivers.links.mqtt import BrokerLink
    from edge_agent.spool.store import Spool

    receive, append = BrokerLink._on_message, Spool.append

    def receive_and_forget(self: BrokerLink, client: Any, data: Any, message: Any) -> None:
        client.ack(message.mid, message.qos)
        receive(self, client, data, message)

    async def append_late(self: Spool, *given: Any, **facts: Any) -> Any:
        await asyncio.sleep(0.05)
        return await append(self, *given, **facts)

    BrokerLink._on_message = receive_and_forget  # type: ignore[method-assign]
    Spool.append = append_late  # type: ignore[method-assign]
