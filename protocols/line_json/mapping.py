"""Which topics carry counts, and where in their JSON each value stands."""

from typing import Literal

from msgspec import Struct

from protocols.line_json.topics import TopicFilter


class Fields(Struct, frozen=True, kw_only=True):
    """Paths into the JSON, `a.b.0` for the first of a list; empty: the messages have none.

    pieces, rejects   numbers
    reject_codes      an object: number by code
    boot, seq         identity of a reading; without a seq its time stands for it
    time              milliseconds or seconds since 1970, or ISO 8601
    """

    pieces: str = ""
    rejects: str = ""
    reject_codes: str = ""
    boot: str = ""
    seq: str = ""
    time: str = ""
    badge: str = ""


class TopicMapping(Struct, frozen=True, kw_only=True):
    """`source` and `tag` are texts with the filter's names in braces. `counting` says whether the
    numbers are a counter's value or what was made since the message before.
    """

    filter: TopicFilter
    source: str
    tag: str
    fields: Fields
    counting: Literal["cumulative", "delta"] = "cumulative"
    version: int | None = None
    """What `v` of the message must be."""


GW_V1 = TopicMapping(
    filter=TopicFilter("gw/v1/{site}/{line}/{station}/count"),
    source="{site}/{line}/{station}",
    tag="{station}",
    fields=Fields(
        pieces="pieces",
        rejects="rejects",
        reject_codes="rej",
        boot="boot",
        seq="seq",
        time="ts",
        badge="badge",
    ),
    version=1,
)
"""The form that we define for boxes (specs/line/protocols.md 1)."""

GW_V1_STATUS = TopicFilter("gw/v1/{site}/{line}/{station}/status")
"""Its last will: `{"online": bool, "boot": n}`, retained."""

UMH_CLASSIC = TopicMapping(
    filter=TopicFilter("ia/{customer}/{location}/{asset}/count"),
    source="{customer}/{location}/{asset}",
    tag="{asset}",
    fields=Fields(pieces="count", rejects="scrap", time="timestamp_ms"),
    counting="delta",
)
UMH_CLASSIC_SCRAP = TopicMapping(
    filter=TopicFilter("ia/{customer}/{location}/{asset}/scrapCount"),
    source="{customer}/{location}/{asset}",
    tag="{asset}",
    fields=Fields(rejects="scrap", time="timestamp_ms"),
    counting="delta",
)
UMH_V1 = TopicMapping(
    filter=TopicFilter("umh/v1/{enterprise}/{site}/{area}/{line}/{cell}/_historian/{tag}"),
    source="{enterprise}/{site}/{area}/{line}/{cell}",
    tag="{tag}",
    fields=Fields(pieces="value", time="timestamp_ms"),
)
"""A tag of united manufacturing hub. Which tags are counters, the site file says by its filter."""

SHAPES = {
    "gw-v1": (GW_V1,),
    "umh-classic": (UMH_CLASSIC, UMH_CLASSIC_SCRAP),
    "umh-v1": (UMH_V1,),
}
