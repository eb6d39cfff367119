"""Where we are in a terminal's log. The log has no row numbers, so the place is a digest of all
rows up to it: it also tells a log that was cleared, rewritten or belongs to another unit.
"""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from drivers.zk_pull.operations import OperationsPlace
from drivers.zk_pull.packed_log import PackedLog
from protocols.zk.layouts import Layout


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

    def holds_for(self, log: PackedLog) -> bool:
        """Whether `log` begins with exactly the rows that this cursor saw."""
        end = self.rows * self.layout.width
        return end <= len(log) and log.digest(end) == self.digest

    def saw_all_of(self, log: PackedLog) -> bool:
        return self.rows * self.layout.width == len(log) and self.holds_for(log)

    def proves_layout_of(self, log: PackedLog) -> bool:
        """Whether `log` goes on from rows that were read by this layout, whatever years they show: a
        terminal's clock may have been set right since.
        """
        if not self.rows:
            return self.saw_all_of(log)
        return len(log) % self.layout.width == 0 and self.holds_for(log)


def cursor_after(
    log: PackedLog, layout: Layout, *, epoch: int, operations: OperationsPlace | None = None
) -> LogCursor:
    """The cursor of someone who has stored every row of `log`, and `operations`."""
    rows = len(log) // layout.width
    return LogCursor(
        epoch=epoch,
        rows=rows,
        digest=log.digest(rows * layout.width),
        layout=layout,
        operations=UNSET if operations is None else operations,
    )
