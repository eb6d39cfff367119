"""What the verbs of dead letters, quarantine and watermarks share: who decides, which are meant."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge_agent.cli.audit import who
from edge_agent.errors import UsageError

if TYPE_CHECKING:
    from edge_agent.spool.acts import Person

T = TypeVar("T")

# As much as a screen of `dead show` holds; a reason is a sentence, not a file.
MAX_REASON = 500


def spool_of(config_file: Path | None) -> Path:
    from edge_agent.config.places import read_places, require_config

    return read_places(require_config(config_file)).spool


def deciding_person() -> "Person":
    from edge_agent.spool.acts import Person

    return Person(who(), datetime.now(UTC))


def sentence_of(text: str, option: str, command: str) -> str:
    """A reason that somebody can read in five years. Raises UsageError."""
    said = " ".join(text.split())
    if not any(letter.isalnum() for letter in said):
        raise refusal(
            f"{option} says nothing",
            option,
            "Write the reason in a sentence: it is kept for ever",
            command,
        )
    if len(said) > MAX_REASON:
        raise refusal(
            f"{option} has {len(said)} letters", option, f"{MAX_REASON} are the most", command
        )
    return printable(said)


def printable(text: str) -> str:
    """What a device or a receiver says must not steer the terminal of whoever looks at it."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def chosen(
    everything: Sequence[T],
    named: Sequence[str],
    *,
    matches: Callable[[T, str], bool],
    told: Callable[[T], str],
    what: str,
    command: str,
) -> list[T]:
    """Those that `named` mean, each once. Raises UsageError for a name of none or of several."""
    found: list[T] = []
    for name in named:
        fitting = [one for one in everything if matches(one, name)]
        if not fitting:
            raise refusal(f"there is no {what} {name}", what, "The list has all", command)
        if len(fitting) > 1:
            several = "; ".join(map(told, fitting[:5]))
            more = f" and {len(fitting) - 5} more" if len(fitting) > 5 else ""
            raise refusal(
                f"{name} names {len(fitting)}: {several}{more}", what, "Give more digits", command
            )
        found += [one for one in fitting if one not in found]
    return found


def refusal(what: str, where: str, remedy: str, command: str) -> UsageError:
    return UsageError(what, where=where, remedy=remedy, try_command=f"edge-agent {command}")
