"""What the site file says about counts over MQTT."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from drivers.broker_config import BrokerDeviceConfig
from protocols.errors import ProtocolError
from protocols.line_json import SHAPES, Fields, TopicFilter, TopicMapping


class FieldsConfig(BaseModel):
    """Where in the JSON each value stands: a key, or a path such as `data.0.count`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pieces: str = ""
    """Pieces made."""
    rejects: str = ""
    """Rejects among them."""
    reject_codes: str = ""
    """An object with the rejects by their code."""
    boot: str = ""
    """Changes when the counter may have begun anew."""
    seq: str = ""
    """Number of the message within a boot."""
    time: str = ""
    """Milliseconds or seconds since 1970, or ISO 8601."""
    badge: str = ""
    """Who works there."""


class TopicConfig(BaseModel):
    """Topics that carry counts in a form of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filter: str
    """MQTT filter whose levels may have names: `plant/{line}/{machine}/counter`."""
    source: str
    """What the counts come from, of the filter's names: `{line}/{machine}`."""
    tag: str
    """Which counter of the source it is; may use the names as well."""
    fields: FieldsConfig
    """Where the values stand."""
    counting: Literal["cumulative", "delta"] = "cumulative"
    """"cumulative": the counter's value. "delta": what was made since the last message; a lost
    message is then a lost piece."""

    @model_validator(mode="after")
    def _all_is_there(self) -> "TopicConfig":
        topic = TopicFilter(self.filter)
        try:
            topic.check()
        except ProtocolError as exc:
            raise ValueError(str(exc)) from exc
        for text in (self.source, self.tag):
            try:
                text.format_map(dict.fromkeys(topic.names, ""))
            except (KeyError, ValueError, IndexError, AttributeError) as exc:
                raise ValueError(
                    f"{text!r} uses a name that {self.filter!r} does not have"
                ) from exc
            if "{" in text and any(sign in text for sign in ("!", ":", ".", "[")):
                raise ValueError(f"{text!r}: in braces stand names and nothing else")
        if not (self.fields.pieces or self.fields.rejects or self.fields.reject_codes):
            raise ValueError("fields name neither pieces nor rejects")
        return self

    def mapping(self) -> TopicMapping:
        return TopicMapping(
            filter=TopicFilter(self.filter),
            source=self.source,
            tag=self.tag,
            fields=Fields(**self.fields.model_dump()),
            counting=self.counting,
        )


class MqttLineConfig(BrokerDeviceConfig):
    shapes: tuple[Literal["gw-v1", "umh-classic", "umh-v1"], ...] = ("gw-v1",)
    """Known forms to listen for: ours, and those of United Manufacturing Hub."""
    topics: tuple[TopicConfig, ...] = Field(default=(), max_length=100)
    """Topics of other forms, one table each. They go before the known ones."""
    receive_retained: bool = True
    """Whether the last message of a topic counts that was there before we came."""

    @field_validator("shapes")
    @classmethod
    def _each_shape_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))

    @model_validator(mode="after")
    def _something_is_heard(self) -> "MqttLineConfig":
        if not self.shapes and not self.topics:
            raise ValueError("neither shapes nor topics: nothing would be heard")
        return self

    def mappings(self) -> tuple[TopicMapping, ...]:
        own = tuple(topic.mapping() for topic in self.topics)
        return own + tuple(one for shape in self.shapes for one in SHAPES[shape])
