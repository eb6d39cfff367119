"""The oracle: a process that is never killed. It knows what was made and what arrived, and judges.

It compares what a person would compare (terminal, user, second, state), never our event ids: a
mistake in the identity of records cannot hide in it. JSON lines over a loopback socket, one answer
a line; what was told is committed before the answer.
"""

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_SCHEMA = """
    CREATE TABLE made (serial TEXT, user_id TEXT, time TEXT, state INTEGER);
    CREATE TABLE held (serial TEXT, user_id TEXT, time TEXT, state INTEGER);
    CREATE INDEX made_key ON made (serial, user_id, time, state);
    CREATE INDEX held_key ON held (serial, user_id, time, state);
    CREATE VIEW made_n AS
        SELECT serial, user_id, time, state, count(*) AS n FROM made GROUP BY 1, 2, 3, 4;
    CREATE VIEW held_n AS
        SELECT serial, user_id, time, state, count(*) AS n FROM held GROUP BY 1, 2, 3, 4;
"""
_JUDGE = """
    SELECT
        (SELECT count(*) FROM made),
        (SELECT count(*) FROM held),
        coalesce((SELECT sum(max(0, m.n - coalesce(h.n, 0))) FROM made_n m
            LEFT JOIN held_n h USING (serial, user_id, time, state)), 0),
        coalesce((SELECT sum(max(0, h.n - m.n)) FROM held_n h
            JOIN made_n m USING (serial, user_id, time, state)), 0),
        coalesce((SELECT sum(h.n) FROM held_n h
            LEFT JOIN made_n m USING (serial, user_id, time, state) WHERE m.n IS NULL), 0)"""
_MISSING_UNTIL = """
    SELECT coalesce(sum(max(0, m.n - coalesce(h.n, 0))), 0) FROM made_n m
        LEFT JOIN held_n h USING (serial, user_id, time, state)
    WHERE m.serial = ? AND m.time <= ?"""


class Key(NamedTuple):
    """A punch as a person knows it; `time` is ISO text of the terminal's wall clock."""

    serial: str
    user_id: str
    time: str
    state: int


@dataclass(frozen=True)
class Verdict:
    """lost: made and not held; doubled: held more often than made; foreign: held and never made."""

    made: int
    held: int
    lost: int
    doubled: int
    foreign: int

    @property
    def clean(self) -> bool:
        return self.made > 0 and self.lost == self.doubled == self.foreign == 0


class Oracle:
    """A connection to the process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    async def made(self, keys: Iterable[Key]) -> None:
        """Tell it before the punch can reach anybody."""
        await self._ask({"op": "made", "keys": list(keys)})

    async def held(self, keys: Iterable[Key]) -> None:
        """What is at the core now: all of it, in place of what was told before."""
        await self._ask({"op": "held", "keys": list(keys)})

    async def judge(self) -> Verdict:
        return Verdict(*await self._ask({"op": "judge"}))

    async def missing_until(self, serial: str, until: str) -> int:
        """How many punches made up to `until` are not held: 0, or a watermark there would lie."""
        return int(await self._ask({"op": "missing_until", "serial": serial, "until": until}))

    async def _ask(self, order: dict[str, Any]) -> Any:
        async with self._turn:
            self._writer.write(json.dumps(order).encode() + b"\n")
            await self._writer.drain()
            return json.loads(await self._reader.readline())


@contextlib.asynccontextmanager
async def oracle_process(folder: Path) -> AsyncIterator[Oracle]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.reliability.oracle", str(folder / "oracle.db")),
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**27)
        try:
            yield Oracle(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
    finally:
        # Its input ends: it stops by itself, also when this process dies.
        assert process.stdin is not None
        process.stdin.close()
        await process.communicate()


def _obey(database: sqlite3.Connection, order: dict[str, Any]) -> Any:
    match order["op"]:
        case "made":
            with database:
                database.executemany("INSERT INTO made VALUES (?, ?, ?, ?)", order["keys"])
            return len(order["keys"])
        case "held":
            with database:
                database.execute("DELETE FROM held")
                database.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", order["keys"])
            return len(order["keys"])
        case "judge":
            return database.execute(_JUDGE).fetchone()
        case "missing_until":
            about = (order["serial"], order["until"])
            return database.execute(_MISSING_UNTIL, about).fetchone()[0]
        case other:
            raise ValueError(f"the oracle does not know {other!r}")


async def _serve(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript(_SCHEMA)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(_obey(database, json.loads(line))).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=2**27)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    database.close()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("database", type=Path)
    asyncio.run(_serve(arguments.parse_args().database))
