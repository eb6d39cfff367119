"""A gateway as users of aiomqtt write one: a row and a commit per message, then its acknowledgement.

    python -m benchmarks.aiomqtt_peer PORT DATABASE

aiomqtt acknowledges on receipt; the two private calls are the workaround that its issue 345 names.
"""

import asyncio
import json
import sqlite3
import sys

import aiomqtt

_TABLE = """
    CREATE TABLE IF NOT EXISTS readings (
        id INTEGER PRIMARY KEY, source TEXT, boot TEXT, seq INTEGER, at INTEGER, pieces INTEGER,
        raw BLOB, UNIQUE (source, boot, seq))"""
_INSERT = """
    INSERT OR IGNORE INTO readings (source, boot, seq, at, pieces, raw) VALUES (?, ?, ?, ?, ?, ?)"""


async def run(port: int, database: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_TABLE)
    connection.commit()
    client = aiomqtt.Client("127.0.0.1", port, identifier="aiomqtt-peer", clean_session=False)
    client._client.manual_ack_set(True)  # noqa: SLF001 - see above
    async with client:
        await client.subscribe("gw/v1/+/+/+/count", qos=1)
        async for message in client.messages:
            said = json.loads(message.payload)
            source = "/".join(message.topic.value.split("/")[2:5])
            row = (source, str(said["boot"]), said["seq"], said["ts"], said["pieces"])
            connection.execute(_INSERT, (*row, message.payload))
            connection.commit()
            client._client.ack(message.mid, message.qos)  # noqa: SLF001 - see above


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2]))
