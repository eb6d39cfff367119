"""One thread that reads the spool beside the writer: questions never wait for commits."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from edge_agent.spool.errors import SpoolClosedError, storage_error
from edge_agent.spool.schema import connect

T = TypeVar("T")


class Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool-reader")
        self._closed = False

    async def run(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer from one consistent snapshot of what is committed. Raises SpoolError."""
        if self._closed:
            raise SpoolClosedError(
                "the spool was closed",
                where=str(self._path),
                remedy="Restart the agent",
                code="spool_closed",
            )
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, question)

    def close(self) -> None:
        """Answers what was asked, then ends the thread. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._thread.submit(self._drop_connection)
            self._thread.shutdown()

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = connect(self._path)
                self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("BEGIN")
            try:
                return question(self._connection)
            finally:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as exc:
            self._drop_connection()
            raise storage_error(exc, self._path) from exc

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):  # given up; its error was raised to the one who asked
                self._connection.close()
            self._connection = None
