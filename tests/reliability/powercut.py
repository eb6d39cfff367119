"""Power cuts, replayed: what a disk may hold when the power goes away at any moment of a real run.

The run is recorded with strace (writes, syncs, truncations, unlinks and what the process said on its
standard output, in their order; from one process to the next where it ends and is started again).
A cut at any point leaves what was synced before it, and of the rest nothing, half, or torn pieces of
512 bytes.

A file system keeps metadata in order (a journal); data that was not synced, in none. A sync covers
the writes that had ended when it began, and holds from when it has ended. A sync that reported an
error has covered nothing and never will: Linux takes those pages for clean from then on. It tells
every open descriptor of the file once, so a failure takes only what went through the descriptor
that was told: whoever wrote through another is to be told at his own next sync. What was written through
a descriptor that is closed, or of a process that is gone, goes with any failure: nobody is told.
"""

import codecs
import random
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

SECTOR_BYTES = 512
_CALLS = "pwrite64,write,fdatasync,fsync,ftruncate,unlink,close"
_STDOUT = 1
_NOBODY = -1  # the descriptor of what was written by one that is closed
# A run that never comes to its end is a defect of the run.
_MOST_STARTS = 60

_LINE = re.compile(r"^(?P<pid>\d+) +(?P<rest>.*)$")
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
_UNFINISHED = " <unfinished ...>"
_CALL = re.compile(
    r"^(?P<name>\w+)\((?:(?P<fd>\d+)<(?P<path>[^>]*)>)?(?:, )?(?P<arguments>.*)\) += "
    r"(?P<result>-?\d+)",
    re.DOTALL,
)
_STRING = re.compile(r'^"((?:[^"\\]|\\.)*)"')


class Cut(Enum):
    """What becomes of data that was written and not synced."""

    DROPPED = "dropped"
    HALF = "half kept"
    TORN = "torn"


@dataclass(frozen=True)
class Write:
    path: str
    descriptor: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    path: str
    descriptor: int
    size: int


@dataclass(frozen=True)
class Unlink:
    path: str


@dataclass(frozen=True)
class SyncBegins:
    path: str
    descriptor: int
    number: int


@dataclass(frozen=True)
class SyncEnds:
    number: int
    failed: bool


@dataclass(frozen=True)
class Closed:
    path: str
    descriptor: int


@dataclass(frozen=True)
class Ended:
    """The process: by itself, with this exit code."""

    code: int


@dataclass(frozen=True)
class Said:
    text: str


Event = Write | Truncate | Unlink | SyncBegins | SyncEnds | Closed | Ended | Said


def record(
    argv: Sequence[str],
    trace: Path,
    *,
    inject: Sequence[str] = (),
    cwd: Path,
    again_after: int | None = None,
) -> list[Event]:
    """Runs `argv` under strace. `inject` are strace's own expressions (faults).

    again_after  the exit code after which it is started again, as systemd does with an agent

    Raises CalledProcessError when the run fails.
    """
    faults = [word for fault in inject for word in ("-e", f"inject={fault}")]
    events: list[Event] = []
    for _ in range(_MOST_STARTS):
        done = subprocess.run(
            [
                *("strace", "-f", "-y", "-qq", "-s", "16777216", "-e", "signal=none"),
                *("-e", f"trace={_CALLS}", *faults, "-o", str(trace), *argv),
            ],
            cwd=cwd,
            capture_output=True,
            check=False,
        )
        if done.returncode not in {0, again_after}:
            break
        with trace.open(encoding="ascii") as lines:
            events += [*_events(lines), Ended(done.returncode)]
        if done.returncode == 0:
            return events
    raise subprocess.CalledProcessError(
        done.returncode, "strace " + " ".join(argv[:4]), done.stdout, done.stderr
    )


def _events(lines: Iterator[str]) -> Iterator[Event]:
    pending: dict[str, tuple[str, int | None]] = {}  # by pid: the call's beginning, its sync
    syncs = 0  # one that is under way when the process ends never ends, and covers nothing
    for line in lines:
        found = _LINE.match(line.rstrip("\n"))
        if found is None:
            continue
        pid, rest = found["pid"], found["rest"]
        number: int | None = None
        if rest.endswith(_UNFINISHED):
            begun = rest.removesuffix(_UNFINISHED)
            if begun.startswith(("fdatasync", "fsync")):
                syncs += 1
                number = syncs
                yield SyncBegins(*_synced(begun), number)
            pending[pid] = (begun, number)
            continue
        if resumed := _RESUMED.match(rest):
            begun, number = pending.pop(pid)
            rest = begun + resumed[2]
        call = _CALL.match(rest)
        if call is None:
            continue
        if call["name"] in {"fdatasync", "fsync"}:
            if number is None:
                syncs += 1
                number = syncs
                yield SyncBegins(call["path"], int(call["fd"]), number)
            yield SyncEnds(number, failed=int(call["result"]) != 0)
        elif (event := _event(call)) is not None:
            yield event


def _synced(begun: str) -> tuple[str, int]:
    descriptor, _, path = begun.partition("(")[2].partition("<")
    return path.partition(">")[0], int(descriptor)


def _event(call: re.Match[str]) -> Event | None:
    result, arguments = int(call["result"]), call["arguments"]
    match call["name"]:
        case "unlink" if result == 0:
            return Unlink(_bytes(arguments).decode())
        case "close" if call["path"] is not None:
            return Closed(call["path"], int(call["fd"]))
        case "ftruncate" if result == 0:
            return Truncate(call["path"], int(call["fd"]), int(arguments))
        case "write" if int(call["fd"]) == _STDOUT and result > 0:
            return Said(_bytes(arguments)[:result].decode())
        case "pwrite64" if result > 0:
            offset = int(arguments.rpartition(", ")[2])
            data = _bytes(arguments)[:result]
            return Write(call["path"], int(call["fd"]), offset, data)
    return None


def _bytes(arguments: str) -> bytes:
    found = _STRING.match(arguments)
    assert found is not None, arguments[:80]
    return codecs.escape_decode(found[1].encode("ascii"))[0]  # type: ignore[attr-defined,no-any-return]


@dataclass
class _File:
    """What is on the disk for certain, and what was written since, in order, each with its number."""

    durable: bytearray = field(default_factory=bytearray)
    loose: list[tuple[int, Write | Truncate]] = field(default_factory=list)


@dataclass(frozen=True)
class _Entry:
    """A name that was made (`file`) or removed."""

    number: int
    path: str
    file: _File | None


@dataclass(frozen=True)
class _Sync:
    """Covers what was done before number `until`."""

    file: _File | None
    descriptor: int
    until: int


class Disk:
    """Follows the events of a run; `cut` may be asked at any moment."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._done = 0  # how many changes there were
        self._names: dict[str, _File] = {}  # as the process sees them
        self._durable_names: dict[str, _File] = {}
        self._loose_names: list[_Entry] = []
        self._syncing: dict[int, _Sync] = {}

    def follow(self, event: Event) -> None:
        self._done += 1
        match event:
            case Said(text):
                self.said += text.splitlines()
            case Write(path) | Truncate(path):
                self._file(path).loose.append((self._done, event))
            case Unlink(path):
                if self._names.pop(path, None) is not None:
                    self._loose_names.append(_Entry(self._done, path, None))
            case Closed() | Ended():
                self._let_go(event)
            case SyncBegins(path, descriptor, number):
                self._syncing[number] = _Sync(self._names.get(path), descriptor, self._done)
            case SyncEnds(number, failed):
                (_forget if failed else self._keep)(self._syncing.pop(number))

    def cut(self, how: Cut, draw: random.Random) -> dict[str, bytes]:
        """By path, what is found after the power has come back."""
        kept = draw.randrange(len(self._loose_names) + 1) if how is not Cut.DROPPED else 0
        names = _with(self._durable_names, self._loose_names[:kept])
        return {path: bytes(_content(file, how, draw)) for path, file in names.items()}

    def _file(self, path: str) -> _File:
        file = self._names.get(path)
        if file is None:
            file = self._names[path] = _File()
            self._loose_names.append(_Entry(self._done, path, file))
        return file

    def _let_go(self, event: Closed | Ended) -> None:
        if isinstance(event, Ended):
            for file in self._names.values():
                _orphan(file, None)
        elif event.path in self._names:
            _orphan(self._names[event.path], event.descriptor)

    def _keep(self, sync: _Sync) -> None:
        if sync.file is not None:
            for number, change in sync.file.loose:
                if number < sync.until:
                    _apply(sync.file.durable, change)
            sync.file.loose = [one for one in sync.file.loose if one[0] >= sync.until]
        # The journal is written up to here.
        entries = [entry for entry in self._loose_names if entry.number < sync.until]
        self._durable_names = _with(self._durable_names, entries)
        self._loose_names = self._loose_names[len(entries) :]


def _forget(sync: _Sync) -> None:
    if sync.file is not None:
        sync.file.loose = [
            (number, change)
            for number, change in sync.file.loose
            if number >= sync.until or change.descriptor not in {sync.descriptor, _NOBODY}
        ]


def _orphan(file: _File, descriptor: int | None) -> None:
    """What was written through `descriptor`, or through any, and waits for a sync."""
    file.loose = [
        (number, replace(change, descriptor=_NOBODY))
        if descriptor in {None, change.descriptor}
        else (number, change)
        for number, change in file.loose
    ]


def _with(names: dict[str, _File], entries: Sequence[_Entry]) -> dict[str, _File]:
    names = dict(names)
    for entry in entries:
        if entry.file is None:
            names.pop(entry.path, None)
        else:
            names[entry.path] = entry.file
    return names


def _content(file: _File, how: Cut, draw: random.Random) -> bytearray:
    content = bytearray(file.durable)
    if how is Cut.DROPPED:
        return content
    for _, change in file.loose:
        if draw.random() < 0.5:
            continue
        if how is Cut.TORN and isinstance(change, Write):
            for part in _sectors(change):
                if draw.random() < 0.5:
                    _apply(content, part)
        else:
            _apply(content, change)
    return content


def _sectors(write: Write) -> Iterator[Write]:
    start = 0
    while start < len(write.data):
        end = start + SECTOR_BYTES - (write.offset + start) % SECTOR_BYTES
        part = write.data[start:end]
        yield Write(write.path, write.descriptor, write.offset + start, part)
        start = end


def _apply(content: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        content.extend(bytes(change.size - len(content)))
        return
    end = change.offset + len(change.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[change.offset : end] = change.data


def lay_out(image: dict[str, bytes], recorded_in: Path, folder: Path) -> None:
    """Writes `image`, which was recorded in one folder, into another, empty one."""
    for path, content in image.items():
        if Path(path).parent == recorded_in:
            (folder / Path(path).name).write_bytes(content)
