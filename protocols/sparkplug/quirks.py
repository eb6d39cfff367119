"""What peers do otherwise than the specification says: each has its name and is counted.

Reading tolerates all of it. Nothing here is decided by a product's name: a peer is known by what it
does, and the table below says who was seen doing it, for the technician who reads the counters.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Deviation(StrEnum):
    """Words of counters and of flags; they never change their meaning."""

    MISSING_SEQ = "missing_seq"
    MISSING_TIMESTAMP = "missing_timestamp"
    NOT_IN_BIRTH = "not_in_birth"
    UNKNOWN_ALIAS = "unknown_alias"
    NO_BIRTH = "no_birth"
    SEQ_GAP = "seq_gap"
    SEQ_REPEATED = "seq_repeated"
    SEQ_OUT_OF_RANGE = "seq_out_of_range"
    OUT_OF_RANGE = "out_of_range"
    ALIAS_TWICE = "alias_twice"
    MISSING_BD_SEQ = "missing_bd_seq"
    BD_SEQ_NOT_INT64 = "bd_seq_not_int64"
    BD_SEQ_UNMATCHED = "bd_seq_unmatched"
    BD_SEQ_REUSED = "bd_seq_reused"
    BARE_ENVELOPE = "bare_envelope"
    NAME_AND_ALIAS = "name_and_alias"
    UINT32_AS_LONG = "uint32_as_long"
    NO_REBIRTH_METRIC = "no_rebirth_metric"
    PREFIXED_NAME = "prefixed_name"
    RETAINED = "retained"


class Quirk(Struct, frozen=True, kw_only=True):
    """`does` for people; `seen` in which programs, of which version."""

    does: str
    treated: str
    seen: tuple[str, ...] = ()


_CIRRUS = "sparkplug-client 3.2.4"
_PYSPARKPLUG = "pysparkplug 0.6.1"
_WRAPPER = "mqtt-spb-wrapper 2.1.2"

QUIRKS: Final[Mapping[Deviation, Quirk]] = MappingProxyType(
    {
        Deviation.MISSING_SEQ: Quirk(
            does="a message that must have a seq has none",
            treated="stored; a loss before it cannot be seen",
            seen=(_WRAPPER,),
        ),
        Deviation.MISSING_TIMESTAMP: Quirk(
            does="neither metric nor payload says when",
            treated="the gateway's time of arrival",
        ),
        Deviation.NOT_IN_BIRTH: Quirk(
            does="a name that the births do not list",
            treated="stored under that name",
            seen=(_WRAPPER,),
        ),
        Deviation.UNKNOWN_ALIAS: Quirk(
            does="an alias that the births do not define",
            treated="a rebirth is asked for; the metric goes to quarantine",
        ),
        Deviation.NO_BIRTH: Quirk(
            does="data before any birth, or after a death",
            treated="stored where it carries names; a rebirth is asked for",
        ),
        Deviation.SEQ_GAP: Quirk(
            does="seq jumps: messages are lost or late",
            treated="a rebirth is asked for unless they come within the reorder time",
        ),
        Deviation.SEQ_REPEATED: Quirk(
            does="the seq of the message before it", treated="stored; equal readings fall together"
        ),
        Deviation.SEQ_OUT_OF_RANGE: Quirk(
            does="a seq above 255", treated="stored; the order is not looked at"
        ),
        Deviation.OUT_OF_RANGE: Quirk(
            does="a value that its own type cannot hold", treated="goes to quarantine"
        ),
        Deviation.ALIAS_TWICE: Quirk(
            does="one alias for two metrics of the node", treated="the later one counts"
        ),
        Deviation.MISSING_BD_SEQ: Quirk(
            does="a birth or death of a node without bdSeq", treated="a death is believed"
        ),
        Deviation.BD_SEQ_NOT_INT64: Quirk(
            does="bdSeq of another type than Int64", treated="read alike", seen=(_CIRRUS,)
        ),
        Deviation.BD_SEQ_UNMATCHED: Quirk(
            does="a death whose bdSeq is not that of the birth",
            treated="the node goes on; a rebirth is asked for after the reorder time",
            seen=(_PYSPARKPLUG, _WRAPPER),
        ),
        Deviation.BD_SEQ_REUSED: Quirk(
            does="the bdSeq of the session before, after its death",
            treated="a birth opens a session whatever its bdSeq",
            seen=(_CIRRUS, _PYSPARKPLUG),
        ),
        Deviation.BARE_ENVELOPE: Quirk(
            does="a compressed envelope without seq and timestamp",
            treated="those inside it count",
            seen=(_CIRRUS,),
        ),
        Deviation.NAME_AND_ALIAS: Quirk(
            does="data with name and alias both", treated="read alike", seen=(_CIRRUS,)
        ),
        Deviation.UINT32_AS_LONG: Quirk(
            does="UInt32 in long_value",
            treated="read alike",
            seen=(_CIRRUS, "Tahu Java", "Ignition"),
        ),
        Deviation.NO_REBIRTH_METRIC: Quirk(
            does="a birth without Node Control/Rebirth",
            treated="asked for all the same",
            seen=(_PYSPARKPLUG, _WRAPPER),
        ),
        Deviation.PREFIXED_NAME: Quirk(
            does="births say DATA/Name, data says Name",
            treated="the known prefixes are cut",
            seen=(_WRAPPER,),
        ),
        Deviation.RETAINED: Quirk(
            does="births or data that the broker has retained",
            treated="flagged; a rebirth is asked for",
        ),
    }
)

NAME_PREFIXES: Final = ("DATA/", "ATTR/", "CMD/")
"""Which mqtt-spb-wrapper puts before names in births, and not in data."""
