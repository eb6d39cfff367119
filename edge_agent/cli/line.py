"""`edge-agent line`: what a person knows about the counters of a production line."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from edge_agent.cli.device_replace import who_orders
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import CommandError, ExitCode, UsageError

if TYPE_CHECKING:
    from edge_agent.config.models import SiteConfig

app = typer.Typer(help="Counters of a production line: say what only people know.")

_TRY = 'edge-agent line replace TAG --at 2026-11-22T10:00 --reason "new counter box"'
_SOON = timedelta(minutes=1)  # clocks of people and gateways differ that much


@app.callback()
def root() -> None:
    """Keeps `replace` a command of its own while it is the only one."""


@app.command("replace")
def replace(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The counter, as the core knows it.")],
    *,
    at: Annotated[str, typer.Option(help="When: 2026-11-22T10:00 on the site's clocks, or now.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the numbers later.")],
    source: Annotated[
        str | None,
        typer.Option(help="What sends the counter, when the tag alone does not say: its device."),
    ] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Say that another counter or box stands under TAG since --at: its readings begin a new series.

    The core makes no difference over the swap: pieces between the last reading of the old one and
    the first of the new one are shown as unknown. The running agent sees the order within seconds.
    """
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config
    from edge_agent.line_orders import LineReplacement, give_order

    site = load_config(require_config(config_file))
    zone = ZoneInfo(site.site.zone)
    order = LineReplacement(
        source=_source_of(site, tag.strip(), source),
        tag=tag.strip(),
        at=_instant(at, zone, datetime.now(UTC)),
        reason=_said(reason),
        by=who_orders(),
        zone=site.site.zone,
    )
    try:
        give_order(site.gateway.state_dir, order)
    except OSError as exc:
        raise CommandError(
            f"the order cannot be written ({exc.strerror})",
            where=exc.filename or str(site.gateway.state_dir),
            remedy="Run it as the agent's user or as root, and see that the disk has room",
            try_command=_TRY,
        ) from exc
    told = {"source": order.source, "tag": order.tag, "at": order.at.astimezone(zone).isoformat(),
            "reason": order.reason, "by": order.by}  # fmt: skip
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(f"{order.source}/{order.tag}: a new series since {told['at']}, ordered by {order.by}")
        print("What was made between the last reading before and the first after is unknown.")
    return ExitCode.OK


def _source_of(site: "SiteConfig", tag: str, named: str | None) -> str:
    """Raises UsageError when the site file does not tell it."""
    counters = {
        device.config.name: (getattr(device.config, "known_as", None), tags)
        for device in site.devices
        if (tags := getattr(device.config, "line_tags", None)) is not None
    }
    if named is not None:
        device = site.device(named)
        if device is None:
            return named  # a node of a broker, or a device that is gone
        known_as, tags = counters.get(named, (None, (tag,)))
        if tag not in tags:
            raise _unknown(tag, tags, f"{named} has no counter of this name")
        return known_as or named
    sources = [known_as or name for name, (known_as, tags) in counters.items() if tag in tags]
    if len(sources) == 1:
        return sources[0]
    if sources:
        raise _refusal(
            f"{' and '.join(sources)} both have a counter {tag}",
            "Say which with --source",
            f"edge-agent line replace {tag} --source {sources[0]} --at now --reason …",
        )
    every = sorted({one for _, tags in counters.values() for one in tags})
    raise _unknown(tag, every, "no device of the site file has a counter of this name")


def _unknown(tag: str, tags: "list[str] | tuple[str, ...]", what: str) -> UsageError:
    from edge_agent.config.suggestion import did_you_mean

    known = f"Known: {', '.join(tags)}" if tags else "The site file names no counter"
    return _refusal(
        f"{what}{did_you_mean(tag, tags)}",
        f"{known}. For what comes through a broker, name its source with --source",
        _TRY,
    )


def _instant(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Raises UsageError for what is no time, and for one that is not over."""
    if text.strip() == "now":
        return now
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as exc:
        raise _refusal(
            f"{text!r} is no time",
            "Write it like 2026-11-22T10:00 (the site's wall clock), or `now`",
            _TRY,
        ) from exc
    at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    if at > now + _SOON:
        raise _refusal(
            f"{at.astimezone(zone):%Y-%m-%d %H:%M} is still to come",
            "Give the order when the box was swapped, or correct the time",
            _TRY,
        )
    return at


def _said(reason: str) -> str:
    if not reason.strip():
        raise _refusal(
            "the reason is empty", "Say it in a few words: it stands in the record", _TRY
        )
    return reason.strip()


def _refusal(what: str, remedy: str, try_command: str) -> UsageError:
    return UsageError(what, where="line replace", remedy=remedy, try_command=try_command)
