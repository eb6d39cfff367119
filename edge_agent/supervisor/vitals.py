"""What a device's vitals mean for a person: memories that fill up, a line that gets worse.

Pure: the worker brings numbers and the time, and logs what is told to it.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec
from msgspec import Struct

from drivers.vitals import LineQuality, Memory, Vitals

STEPS: Final = (80, 90, 95)  # per cent: a quarter year, weeks, days of a busy gate (field pain 16)
SLACK: Final = 2  # per cent below a step before it counts as left: a count that wavers tells once

# Judged over the last half to whole hour: a cable that was mended must be seen to be good.
WINDOW_S: Final = 1_800.0
_ENOUGH: Final = 50  # requests or packets; a share of fewer says nothing
_MANY_REPEATS: Final = 0.10  # of the requests; a good switched network repeats none in a thousand
_MANY_WRONG: Final = 0.01  # of the packets
_ALWAYS_WRONG: Final = 0.90  # a K40 computes each checksum wrong: no line does that
_MANY_LOSSES: Final = 3

_LINE_REMEDY: Final = (
    "Look at the cable and its plugs, the switch port, and the terminal's power supply; on a "
    "wireless bridge, at its signal. Nothing is lost: what did not come is asked again"
)


class DeviceWarning(Struct, frozen=True, kw_only=True):
    """Something that waits for a person. `bad`: punches could be lost."""

    code: str
    severity: Literal["warn", "bad"]
    what: str
    remedy: str


class DeviceVitals(Struct, frozen=True, kw_only=True):
    """As the snapshot shows them; the counts of `line` are since the agent started."""

    memories: tuple[Memory, ...] = ()
    line: LineQuality | None = None
    warnings: tuple[DeviceWarning, ...] = ()


class StepCrossed(Struct, frozen=True, kw_only=True):
    """A memory has reached `step` per cent, or, `step` lower than before, has room again."""

    memory: Memory
    step: int
    rising: bool


class VitalsWatch:
    """The vitals of one device over the lives of its drivers."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._steps: dict[str, int] = {}
        self._latest = Vitals()
        self._ended: LineQuality | None = None  # of drivers that are closed
        self._marks: list[tuple[float, LineQuality]] = []  # the window begins at the first

    def look(self, vitals: Vitals, now_s: float) -> list[StepCrossed]:
        """Takes in what the present driver says; the steps that were crossed with it, once each."""
        self._latest = vitals
        if self._total is not None:
            self._mark(now_s, self._total)
        crossed = [self._cross(memory) for memory in vitals.memories]
        return [each for each in crossed if each is not None]

    def driver_ended(self) -> None:
        """Its counts stay; the next driver begins at 0."""
        self._ended = self._total
        self._latest = msgspec.structs.replace(self._latest, line=None)

    def vitals(self) -> DeviceVitals:
        return DeviceVitals(
            memories=self._latest.memories,
            line=self._total,
            warnings=tuple(self._warnings()),
        )

    @property
    def _total(self) -> LineQuality | None:
        if self._latest.line is None or self._ended is None:
            return self._latest.line or self._ended
        return _combined(self._ended, self._latest.line, 1)

    def _mark(self, now_s: float, total: LineQuality) -> None:
        if not self._marks:
            self._marks = [(now_s, LineQuality(stream=total.stream))]
        if now_s - self._marks[-1][0] >= WINDOW_S:
            self._marks = [self._marks[-1], (now_s, total)]

    def _cross(self, memory: Memory) -> StepCrossed | None:
        if memory.percent is None:
            return None
        before = self._steps.get(memory.name, 0)
        reached = max((step for step in STEPS if memory.percent >= step), default=0)
        kept = max((step for step in STEPS if memory.percent >= step - SLACK), default=0)
        now = max(reached, min(before, kept))
        self._steps[memory.name] = now
        if now == before:
            return None
        return StepCrossed(memory=memory, step=now, rising=now > before)

    def _warnings(self) -> Iterator[DeviceWarning]:
        for alarm in self._latest.alarms:
            yield DeviceWarning(
                code=alarm.code, severity="bad", what=alarm.what, remedy=alarm.remedy
            )
        for memory in self._latest.memories:
            step = self._steps.get(memory.name, 0)
            if step and memory.percent is not None:
                yield memory_warning(memory, step, self._name)
        if self._total is not None and self._marks:
            recent = _combined(self._total, self._marks[0][1], -1)
            what = line_fault(recent)
            if what:
                yield DeviceWarning(
                    code="bad_line", severity="warn", what=what, remedy=_LINE_REMEDY
                )


def memory_warning(memory: Memory, step: int, device: str) -> DeviceWarning:
    """For a memory that has reached `step` per cent."""
    what = f"{memory.name}: {memory.percent:.0f} % full ({memory.used:,} of {memory.capacity:,})"
    if memory.name != "punches":
        remedy = "Nobody new can be enrolled once it is full: delete people who have left"
    elif step == STEPS[-1]:
        remedy = (
            "Make room today: a full terminal refuses punches or overwrites the oldest. Export its "
            f"log to a USB stick as a backup, then edge-agent device clear {device} --yes, which "
            "deletes only what the core has and counts twice"
        )
    else:
        remedy = (
            "Plan to make room: export the log to a USB stick and keep the stick by the terminal, "
            f"then edge-agent device clear {device} --yes, which deletes only what the core has"
        )
    severity: Literal["warn", "bad"] = "bad" if step == STEPS[-1] else "warn"
    return DeviceWarning(code="memory_filling", severity=severity, what=what, remedy=remedy)


def line_fault(recent: LineQuality) -> str:
    """What is wrong with a line of these counts, "" for a good one and for too few to say."""
    faults = []
    again = recent.repeats + recent.timeouts
    if recent.requests >= _ENOUGH and again >= _MANY_REPEATS * recent.requests:
        faults.append(f"{again} of {recent.requests} requests had to be repeated or got no answer")
    wrong, came = recent.wrong_checksums, max(recent.packets, recent.wrong_checksums)
    habit = recent.stream and wrong >= _ALWAYS_WRONG * came
    if came >= _ENOUGH and wrong >= _MANY_WRONG * came and not habit:
        faults.append(f"{wrong} of {came} packets came with a wrong checksum")
    if recent.losses >= _MANY_LOSSES:
        faults.append(f"the connection broke {recent.losses} times")
    return f"bad line in the last hour: {'; '.join(faults)}" if faults else ""


def _combined(first: LineQuality, second: LineQuality, sign: int) -> LineQuality:
    counts = {
        name: getattr(first, name) + sign * getattr(second, name)
        for name in LineQuality.__struct_fields__
        if name != "stream"
    }
    return LineQuality(stream=first.stream, **counts)
