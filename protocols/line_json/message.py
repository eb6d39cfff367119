"""One JSON message of a line, read under a mapping."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from protocols.errors import LimitExceededError, ProtocolError
from protocols.line_json.mapping import TopicMapping

# A count with a hundred reject codes has 3 kB.
MAX_MESSAGE_BYTES: Final = 64 * 1024
_MAX_CODES: Final = 200
_MAX_TEXT: Final = 200  # of a badge, a boot, a code
_LARGEST: Final = (1 << 63) - 1  # what the core's column holds
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_UNTIL: Final = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973
_MISSING: Final = object()


class Sample(Struct, frozen=True, gc=False):
    metric: Literal["pieces", "rejects"]
    value: int
    reject_code: str | None = None


class LineMessage(Struct, frozen=True, kw_only=True):
    """`seq` and `at` are None where the message has none; `boot` is then empty."""

    source: str
    tag: str
    boot: str
    seq: int | None
    at: datetime | None
    badge: str | None
    samples: tuple[Sample, ...]


class StationStatus(Struct, frozen=True):
    """Of a status topic; other keys are ignored."""

    online: bool
    boot: int | str | None = None


_decode = msgspec.json.Decoder(dict[str, Any]).decode
_decode_status = msgspec.json.Decoder(StationStatus).decode


def read_message(mapping: TopicMapping, names: Mapping[str, str], payload: bytes) -> LineMessage:
    """`names` are the levels that the mapping's filter found. Raises ProtocolError."""
    data = _json(payload)
    fields = mapping.fields
    if mapping.version is not None and data.get("v", mapping.version) != mapping.version:
        raise ProtocolError(f"version {str(data['v'])[:20]}, {mapping.version} is read")
    samples: list[Sample] = []
    for metric, path in (("pieces", fields.pieces), ("rejects", fields.rejects)):
        value = _pick(data, path)
        if value is not None:
            samples.append(Sample(metric, _count(value, path)))  # type: ignore[arg-type]
    samples += _codes(_pick(data, fields.reject_codes), fields.reject_codes)
    if not samples:
        wanted = ", ".join(p for p in (fields.pieces, fields.rejects, fields.reject_codes) if p)
        raise ProtocolError(f"it has no {wanted}")
    boot, seq, badge = (_pick(data, path) for path in (fields.boot, fields.seq, fields.badge))
    return LineMessage(
        source=mapping.source.format_map(names),
        tag=mapping.tag.format_map(names),
        boot="" if boot is None else _word(boot, fields.boot),
        seq=None if seq is None else _count(seq, fields.seq),
        at=_instant(_pick(data, fields.time), fields.time),
        badge=None if badge in (None, "") else _word(badge, fields.badge),
        samples=tuple(samples),
    )


def read_status(payload: bytes) -> StationStatus:
    """Raises ProtocolError."""
    if len(payload) > MAX_MESSAGE_BYTES:
        raise _too_large(payload)
    try:
        return _decode_status(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise ProtocolError(f"no status: {exc}") from exc


def _json(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise _too_large(payload)
    try:
        return _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ProtocolError(f"no JSON object: {exc}") from exc
    except RecursionError as exc:
        raise ProtocolError("JSON nested too deep") from exc


def _too_large(payload: bytes) -> LimitExceededError:
    return LimitExceededError(
        f"{len(payload)} bytes, {MAX_MESSAGE_BYTES} are read", limit=MAX_MESSAGE_BYTES
    )


def _pick(data: dict[str, Any], path: str) -> Any:
    """None for what is not there, and for null."""
    if not path:
        return None
    found = data.get(path, _MISSING)  # a key with dots in it is a key first
    if found is not _MISSING:
        return found
    if "." not in path:
        return None
    found = data
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _count(value: Any, path: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProtocolError(f"{path} is {str(value)[:40]!r}, not a whole number")
    if not 0 <= value <= _LARGEST:
        raise ProtocolError(f"{path} is {value}, outside 0 to 2^63 - 1")
    return value


def _codes(found: Any, path: str) -> list[Sample]:
    if found is None:
        return []
    if not isinstance(found, dict):
        raise ProtocolError(f"{path} is no object of counts by code")
    if len(found) > _MAX_CODES:
        raise LimitExceededError(f"{path} has more than {_MAX_CODES} codes", limit=_MAX_CODES)
    return [
        Sample("rejects", _count(value, f"{path}.{code}"), _word(code, path))
        for code, value in found.items()
    ]


def _word(value: Any, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ProtocolError(f"{path} is {str(value)[:40]!r}, neither text nor number")
    text = str(value)
    if len(text) > _MAX_TEXT:
        raise LimitExceededError(f"{path} has {len(text)} characters", limit=_MAX_TEXT)
    return text


def _instant(value: Any, path: str) -> datetime | None:
    """None for a time that is not there, and for one that no calendar has."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            scale = 1 if abs(value) >= _SECONDS_UNTIL else 1000
            return _EPOCH + timedelta(milliseconds=round(value * scale))
    except (ValueError, OverflowError):
        return None
    raise ProtocolError(f"{path} is {str(value)[:40]!r}, not a time")
