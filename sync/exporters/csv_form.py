"""Punches as lines of a file: which columns, which bytes, which name."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal

from msgspec import Struct

from protocols.records import Direction, Punch
from protocols.uplink import Observation
from sync.exporters.contract import DEFAULT_SENSES, ExportBatch, Sense, punches_of
from sync.exporters.times import utc_of

COLUMNS = (
    "event_id", "device", "serial", "user_id", "device_time", "zone", "utc", "direction", "state",
    "method", "work_code", "flags",
)  # fmt: skip
# What a spreadsheet would take for a formula when somebody opens the file.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_SENSES = {Sense.IN: "IN", Sense.OUT: "OUT"}


class CsvForm(Struct, frozen=True, kw_only=True):
    """encoding  `utf-8-sig` begins with the mark by which Excel knows UTF-8
    Characters that GBK lacks are written as `?`, with the event id in the same line.
    """

    encoding: Literal["utf-8", "utf-8-sig", "gbk"] = "utf-8-sig"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    with_card: bool = False
    with_raw: bool = False
    senses: Mapping[Direction, Sense] = DEFAULT_SENSES

    @property
    def columns(self) -> tuple[str, ...]:
        more = [("card", self.with_card), ("raw", self.with_raw)]
        return (*COLUMNS, *(name for name, wanted in more if wanted))


class CsvFile(Struct, frozen=True):
    name: str
    content: bytes


def files_of(batch: ExportBatch, form: CsvForm) -> list[CsvFile]:
    """One file for each day of the devices' wall clocks. The same batch gives the same files."""
    days: dict[date, list[tuple[Observation, Punch]]] = {}
    for observation, punch in punches_of(batch.observations):
        days.setdefault(punch.device_time.date(), []).append((observation, punch))
    arrivals = f"{batch.first_arrival:012d}-{batch.last_arrival:012d}"
    return [
        CsvFile(f"{batch.sink}_{day:%Y-%m-%d}_{arrivals}.csv", _content(rows, batch, form))
        for day, rows in sorted(days.items())
    ]


def _content(rows: Iterable[tuple[Observation, Punch]], batch: ExportBatch, form: CsvForm) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=form.delimiter, lineterminator="\r\n")
    writer.writerow(form.columns)
    for observation, punch in rows:
        fields = _fields(observation, punch, batch.device_names, form)
        writer.writerow([_harmless(fields[column]) for column in form.columns])
    return text.getvalue().encode(form.encoding, errors="replace")


def _fields(
    observation: Observation, punch: Punch, names: Mapping[str, str], form: CsvForm
) -> dict[str, str]:
    return {
        "event_id": observation.event_id,
        "device": names.get(punch.serial, ""),
        "serial": punch.serial,
        "user_id": punch.user_id,
        "device_time": punch.device_time.isoformat(sep=" ", timespec="seconds"),
        "zone": observation.zone,
        "utc": f"{utc_of(punch.device_time, observation.zone):%Y-%m-%dT%H:%M:%SZ}",
        "direction": _SENSES.get(form.senses[punch.direction], ""),
        "state": str(punch.state),
        "method": punch.method,
        "work_code": "" if punch.work_code is None else str(punch.work_code),
        "flags": " ".join(sorted({*observation.flags, *punch.flags})),
        "card": punch.card or "",
        "raw": punch.raw.hex(),
    }


def _harmless(field: str) -> str:
    return f"'{field}" if field.startswith(_FORMULA_STARTS) else field
