"""Where we are in a terminal's log. The log has no row numbers, so the place is a digest of all
rows up to it: it also tells a log that was cleared, rewritten or belongs to another unit.
"""

from hashlib import blake2b

import msgspec
from msgspec import UNSET, Struct, UnsetType

from drivers.zk_pull.operations import OperationsPlace
from protocols.zk.layouts import Layout

_DIGEST_BYTES = 16


class LogCursor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first `rows` rows are stored; `digest` is over their bytes, `layout` is how they were
    read. A cleared or rewritten log starts the next epoch.
    """

    epoch: int
    rows: int
    digest: str
    layout: Layout
    operations: OperationsPlace | UnsetType = UNSET
    """Absent while nothing of the operation log was stored."""

    @property
    def operations_place(self) -> OperationsPlace | None:
        return None if self.operations is UNSET else self.operations

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, stored: bytes | None) -> "LogCursor | None":
        """None for none, and for one that we cannot read: then the whole log is delivered again,
        which costs time and nothing else, because records are known by their identity.
        """
        if stored is None:
            return None
        try:
            return msgspec.json.decode(stored, type=cls)
        except msgspec.MsgspecError:
            return None

    def holds_for(self, table: bytes, layout: Layout) -> bool:
        """Whether `table` begins with exactly the rows that this cursor saw."""
        end = self.rows * self.layout.width
        return layout is self.layout and end <= len(table) and _digest(table, end) == self.digest


def cursor_after(
    table: bytes, layout: Layout, *, epoch: int, operations: OperationsPlace | None = None
) -> LogCursor:
    """The cursor of someone who has stored every row of `table`, and `operations`."""
    rows = len(table) // layout.width
    return LogCursor(
        epoch=epoch,
        rows=rows,
        digest=_digest(table, rows * layout.width),
        layout=layout,
        operations=UNSET if operations is None else operations,
    )


def _digest(table: bytes, end: int) -> str:
    return blake2b(memoryview(table)[:end], digest_size=_DIGEST_BYTES).hexdigest()
