"""Who gave which order to a device: one line for the person, one for the machine's log.

The spool has one writer, the agent, and this is another process; so the line goes to the system log
(`journalctl -t edge-agent-audit`), which outlives both. What the terminal itself notes of an order
(clock set, log cleared) is collected into the spool with its operation log, without the who.
"""

import getpass
import os
import syslog
from datetime import UTC, datetime

TAG = "edge-agent-audit"


def audit(
    serial: str, order: str, told: str, *, before: object = None, after: object = None
) -> str:
    """The line for the person; `order` is a stable word, `told` what was done."""
    name, when = who(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    facts: dict[str, object] = {"order": order, "serial": serial, "by": name, "at": when}
    facts |= {"before": before, "after": after}
    syslog.openlog(TAG)
    syslog.syslog(
        syslog.LOG_NOTICE,
        " ".join(f"{name}={_quoted(value)}" for name, value in facts.items() if value is not None),
    )
    syslog.closelog()
    return f"{when} {serial} by {name}: {told}"


def who() -> str:
    """The person behind sudo, where there is one."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _quoted(value: object) -> str:
    """As logfmt has it; a name of a terminal must not begin a field of its own."""
    text = "".join(part if part.isprintable() else "?" for part in str(value))
    escaped = text.replace('"', "'")
    return f'"{escaped}"' if any(part in " =" for part in text) else escaped
