"""What every table of the site file is made of."""

import zoneinfo
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, StringConstraints

from edge_agent.config.problems import WrongValueError
from edge_agent.config.suggestion import did_you_mean

# Names stand in paths, metrics and batch keys: letters of any script, digits, - _ and .
Name = Annotated[str, StringConstraints(pattern=r"^[\w.-]+$", max_length=64)]


class Section(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


def known_zone(zone: str) -> str:
    """`zone` when it is an IANA name. Raises WrongValueError."""
    names = zoneinfo.available_timezones()
    if zone in names:
        return zone
    cities = [name for name in names if "/" in name]  # "UCT" is no help for "CST"
    raise WrongValueError(
        f'unknown zone "{zone}"{did_you_mean(zone, cities)}',
        remedy='Use an IANA name such as "Asia/Shanghai" (not an offset, not an abbreviation)',
    )
