"""What a simulated terminal holds, and the tables that it makes of it."""

import random
import struct
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from protocols.zk.attendance import AttendanceRow, encode_attendance
from protocols.zk.clock import unpack_time
from protocols.zk.commands import Command
from protocols.zk.oplog import Operation, encode_operations
from protocols.zk.sizes import Sizes, encode_sizes
from protocols.zk.user_names import encode_name
from protocols.zk.users import NAME_BYTES, User, decode_users, encode_users
from simulators.zk_terminal.clock import TerminalClock
from simulators.zk_terminal.config import Faults, TerminalConfig

_SIZE_WORD = struct.Struct("<I")
_DATAGRAM_DATA_BYTES: Final = 1024
_CHECKSUM_AT: Final = 2
_PASSWORDS = {72: slice(3, 11), 28: slice(3, 8)}

_POWER_ON = 0
_POWER_OFF = 1
_USER_DELETED = 9
_CLOCK_SET = 21
_LOG_CLEARED = 23
_DOOR_UNLOCKED = 29
_USER_ENROLLED = 30


class TerminalMemory:
    """The state that outlives connections. Rows may be appended while hosts are connected."""

    def __init__(
        self,
        config: TerminalConfig,
        log: list[AttendanceRow],
        users: list[User],
        faults: Faults,
    ) -> None:
        self.config = config
        self.log = log
        self.users = users
        self.faults = faults
        self.random = random.Random(faults.seed)  # noqa: S311 - repeatable faults, not secrets
        self.buffer: bytes | None = None
        self.sequence = (0, 0)  # where the chunk that was served last begins and ends
        self.operations: list[Operation] = []
        self.passwords: dict[int, str] = {}
        self.door_tenths: list[int] = []
        self._disabled = False
        self._disabled_until: datetime | None = None
        self.worn: dict[int, bytes] = {}
        self._clock = TerminalClock(config)
        self._silences = 0
        self._connections = 0
        self._sent = 0
        self._listeners = 0
        self._written: dict[str, str] = {}
        self._encoded: tuple[list[AttendanceRow], dict[int, bytes], bytes] | None = None

    @property
    def demands_key(self) -> bool:
        return self.config.comm_key is not None or self.faults.refuse_auth is not None

    @property
    def packet_bytes(self) -> int:
        """Data bytes of one packet of a chunk."""
        if self.config.transport == "udp":
            return min(self.config.packet_bytes, _DATAGRAM_DATA_BYTES)
        return self.config.packet_bytes

    def power_on(self) -> None:
        self._connections = 0

    def connected(self) -> None:
        """A host has connected."""
        self._connections += 1

    @property
    def hangs(self) -> bool:
        limit = self.faults.hang_after
        return limit is not None and self._connections > limit

    def next_listener(self) -> int:
        """The turn of a host that asks for events now."""
        self._listeners += 1
        return self._listeners

    def summed(self, packet_bytes: bytes, *, header_at: int = 0) -> bytes:
        """`packet_bytes`, their checksum wrong where the fault says so; counts the packets."""
        self._sent += 1
        every = self.faults.wrong_checksum_every
        if every is None or self._sent % every:
            return packet_bytes
        spoilt = bytearray(packet_bytes)
        spoilt[header_at + _CHECKSUM_AT] ^= 1
        return bytes(spoilt)

    def local_time(self) -> datetime:
        return self._clock.now()

    def set_time(self, packed: int) -> bool:
        """False for a date that no calendar has."""
        time = unpack_time(packed)
        if time is None:
            return False
        self._clock.show(time)
        self._note(_CLOCK_SET)
        return True

    def disable(self, seconds: int | None) -> None:
        """Nobody can punch; for ever without `seconds`, and with the stuck-disabled fault."""
        forever = seconds is None or self.faults.stuck_disabled
        self._disabled = True
        self._disabled_until = (
            None if forever else self.config.clock() + timedelta(seconds=seconds or 0)
        )

    def enable(self) -> None:
        self._disabled = False

    @property
    def disabled(self) -> bool:
        if self._disabled_until is not None and self.config.clock() >= self._disabled_until:
            self._disabled = False
        return self._disabled

    def write_user(self, record: bytes) -> bool:
        """Adds the user of `record`, or replaces the one with its uid. False for no record."""
        width = self.config.user_width
        if len(record) != width:
            return False
        (user,) = decode_users(record, encoding=self.config.code_page, width=width)
        if not isinstance(user, User):
            return False
        self.users[:] = [*(other for other in self.users if other.uid != user.uid), user]
        secret = record[_PASSWORDS[width]].partition(b"\0")[0]
        self.passwords[user.uid] = secret.decode("ascii", errors="replace")
        self._note(_USER_ENROLLED, user.uid)
        return True

    def delete_user(self, uid: int) -> bool:
        kept = [user for user in self.users if user.uid != uid]
        if len(kept) == len(self.users):
            return False
        self.users[:] = kept
        self.passwords.pop(uid, None)
        self._note(_USER_DELETED, uid)
        return True

    def clear_log(self) -> None:
        self.log.clear()
        self.worn.clear()
        self._note(_LOG_CLEARED)

    def unlock(self, tenths: int) -> None:
        self.door_tenths.append(tenths)
        self._note(_DOOR_UNLOCKED)

    def restart(self) -> None:
        """Off and on again; being disabled does not survive it."""
        self._note(_POWER_OFF)
        self.enable()
        self.buffer = None
        self._note(_POWER_ON)

    def _note(self, operation: int, number: int = 0) -> None:
        time = self.local_time().replace(microsecond=0)
        self.operations.append(Operation(operation=operation, time=time, numbers=(number, 0, 0, 0)))

    def set_clock_offset(self, seconds: int) -> None:
        self._clock.run_ahead(timedelta(seconds=seconds))

    def stays_silent(self, command: int) -> bool:
        """Whether this packet gets no answer; counts the times."""
        faults = self.faults
        if self.hangs:
            return True
        if command not in faults.silent_on:
            return False
        self._silences += 1
        return faults.silent_times is None or self._silences <= faults.silent_times

    def table(self, command: int) -> bytes | None:
        """The table that `command` names, size word first; None when the terminal has no such."""
        match command:
            case Command.ATTLOG_RRQ:
                return self._attendance()
            case Command.USERTEMP_RRQ:
                return self._sized(self._user_records())
            case Command.OPLOG_RRQ if self.config.operation_log:
                return self._sized(encode_operations(self.operations))
            case Command.DB_RRQ:
                return self._sized(b"")
            case _:
                return None

    def _attendance(self) -> bytes:
        """Encoded anew only when the log has changed: a real terminal sends what it holds."""
        if self._encoded is None or self._encoded[:2] != (self.log, self.worn):
            table = bytearray(encode_attendance(self.log, self.config.layout))
            width = self.config.layout.width
            for row, content in self.worn.items():
                table[row * width : (row + 1) * width] = content
            self._encoded = (list(self.log), dict(self.worn), self._sized(bytes(table)))
        return self._encoded[2]

    def _user_records(self) -> bytes:
        """Names that are given as text stand there in the code page, cut to what fits."""
        width, code_page = self.config.user_width, self.config.code_page
        people = [
            replace(user, name_raw=encode_name(user.name, code_page, NAME_BYTES[width]))
            if user.name and not user.name_raw
            else user
            for user in self.users
        ]
        return encode_users(people, width, passwords=self.passwords)

    def is_next_chunk(self, offset: int, size: int) -> bool:
        """Whether a terminal that serves in sequence only has this chunk to give; the one before
        may be asked again, and so may the first.
        """
        if self.faults.whole_reads_only is not None and offset not in {0, *self.sequence}:
            return False
        self.sequence = (offset, offset + size)
        return True

    def prepare(self, command: int) -> bytes | None:
        """Puts a table into the transfer buffer. With the stale-buffer fault, an old one stays."""
        if self.faults.stale_buffer and self.buffer is not None:
            return self.buffer
        self.buffer = self.table(command)
        self.sequence = (0, 0)
        return self.buffer

    def unrelated_memory(self) -> bytes:
        """What a K40 answers to a bare ATTLOG_RRQ over TCP: the right size word, then rubbish."""
        width = self.config.layout.width
        return self._sized(self.random.randbytes(width * len(self.log)))

    def sizes(self) -> bytes:
        """The reply to GET_FREE_SIZES, as long as the firmware makes it."""
        if self.faults.sizes_bytes == _SIZE_WORD.size:
            return bytes(_SIZE_WORD.size)
        count = len(self.log) if self.faults.count is None else self.faults.count
        config = self.config
        sizes = Sizes(
            users=len(self.users),
            templates=0,
            attendance=count,
            operations=len(self.operations),
            admins=0,
            passwords=0,
            user_capacity=config.user_capacity,
            attendance_capacity=config.record_capacity,
            users_free=config.user_capacity - len(self.users),
            attendance_free=config.record_capacity - count,
        )
        return encode_sizes(sizes, reply_bytes=self.faults.sizes_bytes)

    def option(self, key: str) -> str | None:
        config = self.config
        built_in = {
            "~SerialNumber": self.faults.serial or config.serial,
            "~DeviceName": config.device_name,
            "~Platform": config.platform,
            "MAC": config.mac,
            "~ZKFPVersion": "10",
        }
        return (built_in | dict(config.options) | self._written).get(key)

    def write_option(self, key: str, value: str) -> None:
        self._written[key] = value

    @staticmethod
    def _sized(records: bytes) -> bytes:
        return _SIZE_WORD.pack(len(records)) + records
