"""Topic filters whose levels have names: `gw/v1/{site}/{line}/{station}/count`."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from protocols.errors import ProtocolError

_NAMED: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# What stands in a topic becomes the name of a source: longer is nobody's line.
MAX_TOPIC: Final = 512


class TopicFilter(Struct, frozen=True):
    """`text` as a person wrote it: each level a word, `{name}`, or `+`; `#` may end it."""

    text: str

    @property
    def subscription(self) -> str:
        """As MQTT wants it."""
        return _NAMED.sub("+", self.text)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(_NAMED.findall(self.text))

    def check(self) -> None:
        """Raises ProtocolError for a filter that no topic can match, or that MQTT refuses."""
        levels = self.text.split("/")
        if len(set(self.names)) != len(self.names):
            raise ProtocolError(f"{self.text!r} has one name twice")
        for place, level in enumerate(levels):
            plain = _NAMED.sub("", level)
            whole = level in {"+", "#"} or _NAMED.fullmatch(level) is not None
            if (level == "#" and place != len(levels) - 1) or not level:
                raise ProtocolError(
                    f"{self.text!r}: # stands at the end only, and no level is empty"
                )
            if not whole and (plain != level or set(level) & set("+#{}\0")):
                raise ProtocolError(
                    f"{self.text!r}: a level is a word, {{name}} or +, not {level!r}"
                )

    def match(self, topic: str) -> Mapping[str, str] | None:
        """The named levels of a topic, None when it is another."""
        found: dict[str, str] = {}
        wanted, levels = self.text.split("/"), topic.split("/")
        for place, level in enumerate(wanted):
            if level == "#":
                return found
            if place >= len(levels):
                return None
            if level.startswith("{"):
                found[level[1:-1]] = levels[place]
            elif level not in {"+", levels[place]}:
                return None
        return found if len(wanted) == len(levels) else None
