"""Where we are in a terminal's log. The log has no row numbers, so the place is a digest of all
rows up to it: it also tells a log that was cleared, rewritten or belongs to another unit.
"""

from datetime import datetime

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from drivers.zk_pull.known_end import KnownEnd, chained, known_end
from drivers.zk_pull.operations import OperationsPlace
from drivers.zk_pull.packed_log import PackedLog
from protocols.zk.layouts import Layout


class LogCursor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first `rows` rows are stored; `digest` is over their bytes, `layout` is how they were
    read. A cleared or rewritten log starts the next epoch.

    Once only the end of the log was read, `digest` is over the first `end.whole` rows.
    """

    epoch: int
    rows: int
    digest: str
    layout: Layout
    operations: OperationsPlace | UnsetType = UNSET
    """Absent while nothing of the operation log was stored."""
    end: KnownEnd | UnsetType = UNSET
    """Absent in cursors of older releases, which knew only whole reads."""

    @property
    def operations_place(self) -> OperationsPlace | None:
        return None if self.operations is UNSET else self.operations

    @property
    def known_end(self) -> KnownEnd | None:
        return None if self.end is UNSET else self.end

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
        width = self.layout.width
        if self.rows * width > len(log):
            return False
        end = self.known_end
        whole = self.rows if end is None else end.whole
        if log.digest(whole * width) != self.digest:
            return False
        since = log[whole * width : self.rows * width]
        return end is None or chained("", since, width) == end.since

    def after(self, log: PackedLog, *, operations: OperationsPlace | None) -> "LogCursor":
        """Once the rows of `log`, which begins where these end, and `operations` are stored too."""
        end = self.known_end
        return replace(
            self,
            rows=len(log) // self.layout.width,
            operations=UNSET if operations is None else operations,
            end=UNSET if end is None else end.followed_by(log[log.start :], self.layout),
        )

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
    log: PackedLog,
    layout: Layout,
    *,
    epoch: int,
    wrapped: bool = False,
    operations: OperationsPlace | None = None,
    clock: datetime | None = None,
) -> LogCursor:
    """The cursor of someone who has stored every row of `log`, and `operations`.

    `clock`: what the terminal's showed; `wrapped`: see `KnownEnd`.
    """
    rows = len(log) // layout.width
    return LogCursor(
        epoch=epoch,
        rows=rows,
        digest=log.digest(rows * layout.width),
        layout=layout,
        operations=UNSET if operations is None else operations,
        end=known_end(log, layout, clock=clock, wrapped=wrapped),
    )
