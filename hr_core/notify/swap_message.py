"""What is said about a box that seems to have been swapped: once, with what to enter."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hr_core.notify.message import RAISED, Message
from hr_core.people.model import Roster
from hr_core.quality.box_swaps import SwapAlarm


def swap_message(alarm: SwapAlarm, roster: Roster | None, zone: ZoneInfo) -> Message:
    people = {} if roster is None else roster.people
    owner = people[alarm.owner].name if alarm.owner in people else alarm.owner
    at = datetime.fromtimestamp(alarm.first_at, UTC)
    local = f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
    counter = f"{alarm.source}/{alarm.tag}"
    command, at_core = alarm.commands(zone)
    values = f"{alarm.last_value} → {alarm.first_value}"
    return Message(
        alert=alarm.identity,
        occasion=RAISED,
        kind="box",
        subject=counter,
        name=counter,
        line=alarm.line,
        shift=alarm.shift,
        level=0,
        limit_percent="",
        pieces=0,
        rejects=0,
        at=at,
        role=alarm.role,
        owner=alarm.owner,
        owner_name=owner,
        hides=(),
        title=f"采集盒更换? Box swapped? {counter}",
        text_zh=f"{local} 疑似更换采集盒:{counter}({values}),产线 {alarm.line}。此间件数未知,"
        f"未计入。请登记:{command}(网关)或 {at_core}(中心)。负责人:{owner or '未指定'}。",
        text_en=f"{local} Another box seems to count {counter} ({values}), line {alarm.line}. What "
        f"was made in between is unknown and not counted. Enter the replacement: {command} (at "
        f"the gateway), or {at_core} (at the core). Owner: {owner or 'nobody is named'}.",
        command=command,
    )
