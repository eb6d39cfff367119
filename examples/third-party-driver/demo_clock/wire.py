"""What the demo clock says, as records. No I/O, so that every line can be tested as text.

We ask one line, it answers:

    WHO    SERIAL DC-0001
    TIME   TIME 2026-11-22T09:00:00
    COUNT  COUNT 2
    LOG    1007|2026-11-22T08:00:00|0|1        user id, local time, state, verify
           1008|2026-11-22T08:00:41|0|15
           END 2
"""

from collections import Counter
from datetime import datetime

from protocols.records import Direction, Punch, Quarantined

_DIRECTIONS = {0: Direction.IN, 1: Direction.OUT}
_METHODS = {1: "fingerprint", 15: "face"}


def decode_log(lines: list[bytes], serial: str) -> list[Punch | Quarantined]:
    """Every line of one complete log. A bad one never costs the others."""
    rows: list[Punch | Quarantined] = []
    seen: Counter[tuple[datetime, str, int]] = Counter()
    offset = 0
    for line in lines:
        try:
            user_id, time, state, verify = _fields(line)
        except ValueError as exc:
            rows.append(Quarantined(source=serial, offset=offset, reason=str(exc), raw=line))
        else:
            # Two true punches in one second stay two: the second is number 1 among its equals.
            key = (time, user_id, state)
            rows.append(
                Punch(
                    serial=serial,
                    user_id=user_id,
                    device_time=time,
                    state=state,
                    verify=verify,
                    direction=_DIRECTIONS.get(state, Direction.UNKNOWN),
                    method=_METHODS.get(verify, "unknown"),
                    ordinal=seen[key],
                    raw=line,
                )
            )
            seen[key] += 1
        offset += len(line)
    return rows


def _fields(line: bytes) -> tuple[str, datetime, int, int]:
    """Raises ValueError, which also covers what is no ASCII and no number."""
    parts = line.decode("ascii").rstrip("\n").split("|")
    if len(parts) != 4 or not parts[0]:
        raise ValueError("not four fields with a user id in front")
    user_id, time, state, verify = parts
    return user_id, parse_time(time), int(state), int(verify)


def parse_time(text: str) -> datetime:
    """The clock's wall time: naive, because it knows no zone. The site file does."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is not None:
        raise ValueError("a demo clock's time has no zone")
    return time
