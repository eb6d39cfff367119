"""SQL functions of migration 0002, which turns rows of the table `events` into pages."""

import sqlite3

import msgspec

from edge_agent.spool.page_body import body_of_records
from protocols.identity import event_id, event_moment
from protocols.records import Record

_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


class _PageBody:
    """Aggregate page_body(arrival, event_id, body): the rows of a page, in order of arrival.

    Raises ValueError when a row would come out of its page as another event.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[int, Record]] = []

    def step(self, arrival: int, identity: bytes, body: bytes) -> None:
        record = _decoder.decode(body)
        if event_id(record) != identity:
            raise ValueError(f"event {identity.hex()} is not what its row says")
        self._rows.append((arrival, record))

    def finalize(self) -> bytes:
        self._rows.sort(key=lambda row: row[0])
        return body_of_records([record for _, record in self._rows]).content


def register(connection: sqlite3.Connection) -> None:
    connection.create_function("event_moment", 1, event_moment, deterministic=True)
    # typeshed knows aggregates of one integer only.
    connection.create_aggregate("page_body", 3, _PageBody)  # type: ignore[arg-type]
