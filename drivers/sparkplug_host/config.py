"""What the site file says about Sparkplug edge nodes."""

from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from drivers.broker_config import BrokerDeviceConfig


class MetricConfig(BaseModel):
    """Which metrics are what. The first table that fits counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    """Name of the metric as the births have it; `*` and `?` stand for others."""
    node: str = "*"
    """Only of group/node or group/node/device of this form."""
    meaning: Literal["pieces", "rejects", "badge", "boot"]
    """What it is: a counter of pieces or rejects, who works there, or what changes at a restart."""
    reject_code: str | None = None
    """The reason, where the metric counts the rejects of one."""

    def fits(self, source: str, name: str) -> bool:
        return fnmatchcase(name, self.name) and fnmatchcase(source, self.node)


USUAL = (
    MetricConfig(name="*Pieces", meaning="pieces"),
    MetricConfig(name="*Rejects", meaning="rejects"),
    MetricConfig(name="*Badge", meaning="badge"),
    MetricConfig(name="*Boot", meaning="boot"),
)


class SparkplugHostConfig(BrokerDeviceConfig):
    groups: tuple[str, ...] = Field(min_length=1)
    """Sparkplug groups to listen to; "+" is all of them."""
    host_id: str = ""
    """Name of this host in its STATE, for edge nodes that wait for a primary host. Empty: none is
    published."""
    state_version: Literal["3", "2"] = "3"
    """Form of STATE: 3.0 (spBv1.0/STATE/ID, JSON) or 2.x (STATE/ID, ONLINE)."""
    metrics: tuple[MetricConfig, ...] = ()
    """Which metrics are counters, one table each. None: names that end in Pieces, Rejects, Badge or
    Boot are what they say."""
    reorder_s: float = Field(default=2.0, gt=0, le=60)
    """How long a missing message may be late before it is lost and a rebirth is asked for."""
    rebirth_every_s: float = Field(default=30.0, ge=5, le=3600)
    """A node is not asked for a rebirth more often."""

    @field_validator("groups")
    @classmethod
    def _groups_are_levels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for group in value:
            if not group or (group != "+" and set(group) & set("/+#\0")):
                raise ValueError(f"{group!r} is no Sparkplug group")
        return value

    @field_validator("host_id")
    @classmethod
    def _host_id_is_a_level(cls, value: str) -> str:
        if set(value) & set("/+#\0"):
            raise ValueError(f"{value!r} cannot stand in a topic")
        return value
