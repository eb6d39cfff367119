"""One raw event whole: what was read in it, the bytes, and how they came here."""

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core.people.model import Days, Roster, find_person
from hr_core.store.event_rows import StoredEvent
from hr_core.store.events import event_by_id
from hr_core.store.people import load_roster
from hr_core.trace.events import is_event_id
from hr_core.web.errors import NoPageError
from hr_core.web.words import Words
from protocols.records import Count, DeviceEvent, Punch

LONGEST_ID_SHOWN = 64
_BYTES_A_ROW = 8  # with offsets and text 360 pixels wide
# Facts that say whose a record is.
_IDS = ("user_id", "card", "badge")
_MOST_LAID_OUT = 1024  # a terminal's row has under 100; all of a longer one follows in one piece


class HexRow(Struct, frozen=True, kw_only=True):
    offset: str
    digits: str
    text: str


class RawBytes(Struct, frozen=True, kw_only=True):
    """`text` None: the bytes are not text; `cut`: `rows` do not show all of them."""

    size: int
    rows: tuple[HexRow, ...]
    cut: bool
    hex: str
    text: str | None


class EventPage(Struct, frozen=True, kw_only=True):
    """`facts` and `path`: (label, value) pairs. `person`: (number, name) behind user id or badge.

    masked   somebody else's: whose it is, the id or badge, and the bytes that may hold it, are left out
    """

    event_id: str
    kind: str
    day: date
    device: str
    person: tuple[str, str] | None
    facts: tuple[tuple[str, str], ...]
    path: tuple[tuple[str, str], ...]
    flags: tuple[str, ...]
    raw: RawBytes
    masked: bool = False


def event_page(
    conn: sa.Connection,
    event_id: str,
    words: Words,
    zone: ZoneInfo,
    *,
    sees: Callable[[str, date], bool] | None = None,
) -> EventPage:
    """`sees`: whether the visitor sees a person (key) on a day; None: everybody. Raises NoPageError for an
    unknown id and for what is no id.
    """
    stored = event_by_id(conn, bytes.fromhex(event_id)) if is_event_id(event_id) else None
    if stored is None:
        raise NoPageError("no_event", event=event_id[:LONGEST_ID_SHOWN])
    record = stored.record
    flags = dict.fromkeys((*getattr(record, "flags", ()), *stored.flags))
    person = _person(load_roster(conn), stored)
    day = stored.at.astimezone(zone).date() if isinstance(record, Count) else _wall_day(stored)
    masked = False
    if sees is not None and _told_by_an_id(stored):
        masked = person is None or not sees(person[0], day)
    return EventPage(
        event_id=stored.event_id.hex(),
        kind=str(record.__struct_config__.tag),
        day=day,
        device=record.source if isinstance(record, Count) else record.serial,
        person=None if masked else person,
        facts=tuple(
            (label, value)
            for label, value in _facts(stored, words, zone)
            if value and not (masked and label in {words(name) for name in _IDS})
        ),
        path=_path(stored, words, zone),
        flags=tuple(str(flag) for flag in flags),
        raw=raw_bytes(b"" if masked else record.raw),
        masked=masked,
    )


def owner_of_punch(conn: sa.Connection, event_id: str) -> tuple[str, date] | None:
    """Whose punch it is, and its day by the device's clock; None for whatever is nobody's."""
    stored = event_by_id(conn, bytes.fromhex(event_id)) if is_event_id(event_id) else None
    roster = load_roster(conn)
    if stored is None or roster is None or not isinstance(stored.record, Punch):
        return None
    record, day = stored.record, stored.record.device_time.date()
    person = find_person(roster.number_by_device_user(), record.serial, record.user_id, day)
    return None if person is None else (person, day)


def raw_bytes(raw: bytes) -> RawBytes:
    shown = raw[:_MOST_LAID_OUT]
    return RawBytes(
        size=len(raw),
        rows=tuple(
            _hex_row(start, shown[start : start + _BYTES_A_ROW])
            for start in range(0, len(shown), _BYTES_A_ROW)
        ),
        cut=len(shown) < len(raw),
        hex=raw.hex(),
        text=_as_text(raw),
    )


def offset_text(offset_ms: int | None, words: Words) -> str:
    """The device's clock beside the gateway's: "3.5 s ahead"."""
    if offset_ms is None:
        return words("offset_unknown")
    if offset_ms == 0:
        return words("offset_none")
    seconds = f"{abs(offset_ms) // 1000:,}.{abs(offset_ms) % 1000:03d}"
    return words("offset_ahead" if offset_ms > 0 else "offset_behind", seconds=seconds)


def _told_by_an_id(stored: StoredEvent) -> bool:
    """A device's user id or a badge stands in it, which may be somebody else's; nobody's too."""
    record = stored.record
    return isinstance(record, Punch) or (isinstance(record, Count) and record.badge is not None)


def _facts(stored: StoredEvent, words: Words, zone: ZoneInfo) -> list[tuple[str, str]]:
    match stored.record:
        case Punch() as punch:
            return _punch_facts(punch, words)
        case Count() as count:
            return _count_facts(count, words, zone)
        case DeviceEvent() as event:
            facts = [
                (words("serial"), event.serial),
                (words("device_time"), _wall(event.device_time)),
                (words("code"), event.code),
            ]
            return facts + [(name, str(value)) for name, value in event.detail.items()]


def _punch_facts(punch: Punch, words: Words) -> list[tuple[str, str]]:
    return [
        (words("device_time"), _wall(punch.device_time)),
        (words("user_id"), punch.user_id),
        (words("serial"), punch.serial),
        (words("direction"), words.of("direction", punch.direction)),
        (words("state"), str(punch.state)),
        (words("method"), words.of("method", punch.method)),
        (words("verify"), str(punch.verify)),
        (words("work_code"), "" if punch.work_code is None else str(punch.work_code)),
        (words("card"), punch.card or ""),
        (words("channel"), words.of("channel", punch.channel)),
        (words("ordinal"), str(punch.ordinal)),
    ]


def _count_facts(count: Count, words: Words, zone: ZoneInfo) -> list[tuple[str, str]]:
    return [
        (words("site_time"), _wall(count.source_time.astimezone(zone).replace(tzinfo=None))),
        (words("station"), f"{count.source} / {count.tag}"),
        (words("metric"), words.of("metric", count.metric)),
        (words("reject_code"), count.reject_code or ""),
        (words("value"), f"{count.value:,}"),
        (words("badge"), count.badge or ""),
        (words("quality"), words.of("quality", count.quality)),
        (words("boot_id"), count.boot_id),
        (words("seq"), str(count.seq)),
    ]


def _path(stored: StoredEvent, words: Words, zone: ZoneInfo) -> tuple[tuple[str, str], ...]:
    return (
        (words("instant"), _wall(stored.at.replace(tzinfo=None))),
        (words("zone"), stored.zone),
        (words("clock_offset"), offset_text(stored.clock_offset_ms, words)),
        (words("received_at"), _wall(stored.received_at.astimezone(zone).replace(tzinfo=None))),
        (words("gateway"), stored.gateway),
        (words("batch"), f"#{stored.batch}"),
        (words("ingested_at"), _wall(stored.ingested_at.astimezone(zone).replace(tzinfo=None))),
    )


def _person(roster: Roster | None, stored: StoredEvent) -> tuple[str, str] | None:
    if roster is None:
        return None
    number = None
    match stored.record:
        case Punch() as punch:
            mapping = roster.number_by_device_user()
            number = find_person(mapping, punch.serial, punch.user_id, _wall_day(stored))
        case Count(badge=str() as badge):
            days = Days.of_span(stored.at, stored.at, roster.zone)
            number = roster.number_by_badge(days).get(badge)
        case _:
            pass
    return None if number is None else (number, roster.people[number].name)


def _wall_day(stored: StoredEvent) -> date:
    record = stored.record
    return record.source_time.date() if isinstance(record, Count) else record.device_time.date()


def _wall(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="milliseconds" if moment.microsecond else "seconds")


def _hex_row(start: int, chunk: bytes) -> HexRow:
    return HexRow(
        offset=f"{start:04x}",
        digits=chunk.hex(" ").ljust(3 * _BYTES_A_ROW - 1),
        text="".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in chunk),
    )


def _as_text(raw: bytes) -> str | None:
    """Readable text (a push line, JSON, XML), else None. NUL and other controls are not text."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    readable = all(character.isprintable() or character in "\t\r\n" for character in text)
    return text if text and readable else None
