"""What a scene leaves behind: the truth of the terminals, and what the gateway says it did."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.spool.store import DeviceLedger
from protocols.identity import event_id
from protocols.records import Punch
from protocols.zk.attendance import AttendanceRow


@dataclass(frozen=True, slots=True)
class Played:
    """A scene after its last step.

    truth     event ids of every row on every terminal, computed from the rows themselves, beside
              the gateway's own way
    ledgers   the gateway's counters, by device
    months    "YYYY-MM" that hold work to be paid
    refused   rows of an input file that no terminal can hold
    schemes   pay schemes by which the months are paid beside each other; empty: the chosen one alone
    """

    truth: frozenset[str]
    on_device: int
    ledgers: tuple[DeviceLedger, ...]
    terminals: frozenset[str]
    months: tuple[str, ...]
    refused: int
    counts: int
    folder: Path
    schemes: tuple[str, ...] = ()

    @property
    def terminal_ledgers(self) -> list[DeviceLedger]:
        return [ledger for ledger in self.ledgers if ledger.serial in self.terminals]


def true_event_ids(serial: str, log: Sequence[AttendanceRow]) -> Iterable[str]:
    """The identity of every row of a terminal's log: equal keys are told apart by their order."""
    seen: Counter[tuple[object, ...]] = Counter()
    for row in log:
        key = (row.time, row.user_id, row.state)
        punch = Punch(
            serial=serial,
            user_id=row.user_id,
            device_time=row.time,
            state=row.state,
            verify=row.verify,
            ordinal=seen[key],
        )
        seen[key] += 1
        yield event_id(punch).hex()
