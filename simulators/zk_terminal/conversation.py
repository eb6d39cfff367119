"""One connection as the terminal sees it: a packet in, the packets that answer it out. No I/O."""

import struct
from collections.abc import Callable, Iterator
from typing import Final

from protocols.zk.auth import auth_token
from protocols.zk.clock import pack_time
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.framing import Packet
from simulators.zk_terminal.memory import TerminalMemory

_U32 = struct.Struct("<I")
_TWO_WORDS = struct.Struct("<II")
_BUFFER_REQUEST = struct.Struct("<BHII")
_ALARM_EVENT: Final = 512
_DEFAULT_TICK: Final = 50
_FREE_OF_AUTH: Final = frozenset({Command.CONNECT, Command.AUTH, Command.EXIT})
_HOST_ACK: Final = Reply.ACK_OK

_Answers = Iterator[Packet]


class Conversation:
    """Feed it the host's packets in order. `ended` after EXIT.

    events_from   its turn among all hosts that asked for events (REG_EVENT), None without
    """

    def __init__(self, memory: TerminalMemory, session_id: int) -> None:
        self.ended = False
        self.events_from: int | None = None
        self._memory = memory
        self._session_id = session_id
        self._authorised = False
        self._late: list[Packet] = []
        self._handlers: dict[int, Callable[[Packet], _Answers]] = {
            Command.CONNECT: self._connect,
            Command.AUTH: self._auth,
            Command.EXIT: self._exit,
            Command.OPTIONS_RRQ: self._read_option,
            Command.OPTIONS_WRQ: self._write_option,
            Command.GET_VERSION: self._version,
            Command.GET_TIME: self._get_time,
            Command.SET_TIME: self._set_time,
            Command.GET_FREE_SIZES: self._sizes,
            Command.REG_EVENT: self._register,
            Command.PREPARE_BUFFER: self._prepare,
            Command.READ_CHUNK: self._read_chunk,
            Command.FREE_DATA: self._free,
            Command.ATTLOG_RRQ: self._bare_table,
            Command.ENABLE_DEVICE: self._enable,
            Command.DISABLE_DEVICE: self._disable,
            Command.REFRESH_DATA: self._accept,
            Command.USER_WRQ: self._write_user,
            Command.DELETE_USER: self._delete_user,
            Command.CLEAR_ATTLOG: self._clear_log,
            Command.UNLOCK: self._unlock,
            Command.RESTART: self._restart,
        }

        if memory.config.transport == "udp":
            self._handlers[Command.USERTEMP_RRQ] = self._bare_table
        if not memory.config.buffered:
            for command in (Command.PREPARE_BUFFER, Command.READ_CHUNK):
                del self._handlers[command]

    def answers(self, packet: Packet) -> _Answers:
        """What the terminal sends for `packet`, in order."""
        if packet.command == _HOST_ACK:  # the host acknowledges an event
            return
        late, self._late = self._late, []
        yield from late
        if packet.command not in _FREE_OF_AUTH and not self._authorised:
            yield self._reply(packet, Reply.ACK_UNAUTH)
            return
        handler = self._handlers.get(packet.command, self._unknown)
        if packet.command in self._memory.faults.ignores:
            handler = self._accept
        yield from handler(packet)

    # session

    def _connect(self, packet: Packet) -> _Answers:
        refused = self._memory.faults.refuse_connect
        if refused is not None:
            yield self._reply(packet, refused)
        elif self._memory.demands_key:
            yield self._reply(packet, Reply.ACK_UNAUTH)
        else:
            self._authorised = True
            yield self._reply(packet, Reply.ACK_OK)

    def _auth(self, packet: Packet) -> _Answers:
        refused = self._memory.faults.refuse_auth
        if refused is not None:
            yield self._reply(packet, refused)
            return
        tick = packet.data[2] if len(packet.data) == _U32.size else _DEFAULT_TICK
        key = self._memory.config.comm_key or 0
        self._authorised = packet.data == auth_token(key, self._session_id, tick)
        yield self._reply(packet, Reply.ACK_OK if self._authorised else Reply.ACK_UNAUTH)

    def _exit(self, packet: Packet) -> _Answers:
        self.ended = True
        yield self._reply(packet, Reply.ACK_OK)

    def _register(self, packet: Packet) -> _Answers:
        self.events_from = self._memory.next_listener() if any(packet.data) else None
        yield self._reply(packet, Reply.ACK_OK)

    # facts

    def _read_option(self, packet: Packet) -> _Answers:
        key = packet.data.partition(b"\0")[0].decode("ascii", errors="replace")
        value = self._memory.option(key)
        if value is None:
            yield self._reply(packet, Reply.ACK_ERROR)
        else:
            yield self._reply(packet, Reply.ACK_OK, f"{key}={value}\0".encode())

    def _write_option(self, packet: Packet) -> _Answers:
        text = packet.data.partition(b"\0")[0].decode("ascii", errors="replace")
        key, _, value = text.partition("=")
        self._memory.write_option(key, value)
        yield self._reply(packet, Reply.ACK_OK)

    def _version(self, packet: Packet) -> _Answers:
        yield self._reply(packet, Reply.ACK_OK, self._memory.config.firmware.encode() + b"\0")

    def _get_time(self, packet: Packet) -> _Answers:
        yield self._reply(packet, Reply.ACK_OK, _U32.pack(pack_time(self._memory.local_time())))

    def _set_time(self, packet: Packet) -> _Answers:
        good = len(packet.data) >= _U32.size and self._memory.set_time(
            _U32.unpack_from(packet.data)[0]
        )
        yield self._reply(packet, Reply.ACK_OK if good else Reply.ACK_ERROR)

    def _sizes(self, packet: Packet) -> _Answers:
        yield self._reply(packet, Reply.ACK_OK, self._memory.sizes())

    # tables

    def _prepare(self, packet: Packet) -> _Answers:
        if self._memory.faults.refuse_table is not None:
            yield self._reply(packet, self._memory.faults.refuse_table)
            return
        if len(packet.data) < _BUFFER_REQUEST.size:
            yield self._reply(packet, Reply.BAD_DATA)
            return
        _, command, _, _ = _BUFFER_REQUEST.unpack_from(packet.data)
        table = self._memory.prepare(command)
        if table is None:
            yield self._reply(packet, Reply.ACK_ERROR)
        elif len(table) <= self._memory.config.inline_bytes:
            self._memory.buffer = None
            yield self._reply(packet, Reply.DATA, table)
        else:
            size = len(table)
            yield self._reply(packet, Reply.ACK_OK, struct.pack("<BIII", 0, size, size, 0x23EFCD))

    def _read_chunk(self, packet: Packet) -> _Answers:
        buffer = self._memory.buffer
        if buffer is None or len(packet.data) < _TWO_WORDS.size:
            yield self._reply(packet, Reply.ACK_ERROR)
            return
        offset, size = _TWO_WORDS.unpack_from(packet.data)
        if not self._memory.is_next_chunk(offset, size):
            if self._memory.faults.whole_reads_only == "refuse":
                yield self._reply(packet, Reply.ACK_ERROR)
                return
            offset = self._memory.sequence[-1]
        chunk = buffer[offset : offset + size]
        if self._memory.config.lone_chunks:
            yield self._reply(packet, Reply.DATA, chunk)
        else:
            yield from self._transfer(packet, chunk)

    def _transfer(self, packet: Packet, chunk: bytes) -> _Answers:
        faults = self._memory.faults
        width = self._memory.packet_bytes
        yield self._reply(packet, Reply.PREPARE_DATA, _TWO_WORDS.pack(len(chunk), width))
        pieces = [
            Packet(
                command=Reply.DATA,
                session=index,
                reply_id=packet.reply_id,
                data=chunk[index * width : (index + 1) * width],
            )
            for index in range(-(-len(chunk) // width))
        ]
        # Not the session id either: seen on real terminals (protocol.md 6.2).
        ack = Packet(command=Reply.ACK_OK, session=len(pieces) & 0xFFFF, reply_id=packet.reply_id)
        if faults.ack_before_last_data:
            pieces.insert(-1, ack)
        elif faults.late_ack:
            self._late.append(ack)
        else:
            pieces.append(ack)
        if faults.event_in_download:
            pieces.insert(1, _alarm())
        yield from pieces

    def _free(self, packet: Packet) -> _Answers:
        self._memory.buffer = None
        yield self._reply(packet, Reply.ACK_OK)

    def _bare_table(self, packet: Packet) -> _Answers:
        if self._memory.config.transport == "tcp":
            content = self._memory.unrelated_memory()
        else:
            content = self._memory.table(packet.command) or b""
        yield from self._transfer(packet, content)

    # orders

    def _enable(self, packet: Packet) -> _Answers:
        self._memory.enable()
        yield self._reply(packet, Reply.ACK_OK)

    def _disable(self, packet: Packet) -> _Answers:
        self._memory.disable(_number(packet) or None)  # 0 seconds are none, as vendor software does
        yield self._reply(packet, Reply.ACK_OK)

    def _write_user(self, packet: Packet) -> _Answers:
        good = self._memory.write_user(packet.data)
        yield self._reply(packet, Reply.ACK_OK if good else Reply.ACK_ERROR)

    def _delete_user(self, packet: Packet) -> _Answers:
        uid = _number(packet)
        good = uid is not None and self._memory.delete_user(uid)
        yield self._reply(packet, Reply.ACK_OK if good else Reply.ACK_ERROR)

    def _clear_log(self, packet: Packet) -> _Answers:
        self._memory.clear_log()
        yield self._reply(packet, Reply.ACK_OK)

    def _unlock(self, packet: Packet) -> _Answers:
        self._memory.unlock(_number(packet) or 0)
        yield self._reply(packet, Reply.ACK_OK)

    def _restart(self, packet: Packet) -> _Answers:
        """Every session is gone."""
        if self._memory.config.answers_restart:
            yield self._reply(packet, Reply.ACK_OK)
        self._memory.restart()
        self.ended = True

    # the rest

    def _accept(self, packet: Packet) -> _Answers:
        yield self._reply(packet, Reply.ACK_OK)

    def _unknown(self, packet: Packet) -> _Answers:
        yield self._reply(packet, Reply.UNKNOWN_COMMAND)

    def _reply(self, packet: Packet, code: int, data: bytes = b"") -> Packet:
        return Packet(command=code, session=self._session_id, reply_id=packet.reply_id, data=data)


def _number(packet: Packet) -> int | None:
    """The little-endian number that is the packet's data, None for none."""
    return int.from_bytes(packet.data, "little") if packet.data else None


def _alarm() -> Packet:
    """An EF_ALARM of 4 bytes: the exit button (protocol.md 10)."""
    return Packet(command=EVENT, session=_ALARM_EVENT, reply_id=0, data=_U32.pack(0x35))
