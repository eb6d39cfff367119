"""Devices, lines and the punches of nobody: what belongs to the plant and not to one person."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from hr_core.accounts.model import Right
from hr_core.api.v1 import answers as of
from hr_core.api.v1 import reading
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import (
    AskedPage,
    AskedSpan,
    MonthText,
    Page,
    bad_cursor,
    cursor_of,
    day_looked_at,
)
from hr_core.api.v1.sending import sent
from hr_core.quality.month import Tally
from hr_core.quality.rates_view import rates_of_month
from hr_core.store.watermarks import watermarks_of

router = APIRouter(tags=["plant"])

DevicesAsk = Annotated[Ask, needs(Right.DEVICES_READ)]
QualityAsk = Annotated[Ask, needs(Right.QUALITY_READ)]
WaitingAsk = Annotated[Ask, needs(Right.WAITING_READ)]


@router.get("/waiting", **answers(of.Waiting, right=Right.WAITING_READ))
def waiting(ask: WaitingAsk, span: AskedSpan, page: AskedPage) -> Response:
    """Device users who were nobody when they punched: their punches wait, none is dropped. An account
    that is limited to units is told of the devices of their sites, day by day.
    """
    after = _pair(page)
    users = [
        one
        for one in reading.waiting_seen(ask.conn, span, ask.devices_on)
        if after is None or (one.device, one.user_id) > after
    ][: page.limit]
    return sent(
        of.Waiting(
            users=tuple(
                of.WaitingUser(
                    device=one.device,
                    user_id=one.user_id,
                    punches=one.punches,
                    first=one.first,
                    last=one.last,
                )
                for one in users
            ),
            next=_next([(one.device, one.user_id) for one in users], page),
        )
    )


@router.get("/lines/rates", **answers(of.LineRates, right=Right.QUALITY_READ))
def line_rates(
    ask: QualityAsk, month: Annotated[MonthText, Query(description="Like 2026-10.")]
) -> Response:
    """Defect rates of the lines in a month, computed now from the raw readings. An account that is
    limited to units sees the lines with a counter at their sites, and the sums of those.
    """
    view = rates_of_month(ask.conn, month)
    devices = ask.devices_on(day_looked_at(month, ask.today))
    lines, total = view.lines, view.total
    if devices is not None:
        codes = reading.lines_with(ask.conn, devices)
        lines = tuple(one for one in lines if one.subject in codes)
        total = Tally(sum(one.pieces for one in lines), sum(one.rejects for one in lines))
    return sent(
        of.LineRates(
            month=view.month,
            alert_version=view.alert_version,
            lines=tuple(
                of.LineRate(
                    line=one.subject,
                    name=one.name,
                    pieces=one.pieces,
                    rejects=one.rejects,
                    percent=one.percent,
                    interval_95=one.interval_95,
                    over_limit=one.alert,
                    coverage=one.coverage,
                )
                for one in lines
            ),
            total_pieces=total.pieces,
            total_rejects=total.rejects,
        )
    )


@router.get("/watermarks", **answers(of.Watermarks, right=Right.DEVICES_READ))
def watermarks(ask: DevicesAsk, page: AskedPage) -> Response:
    """Until when each device's records are complete here, as its gateway proved it. An account that
    is limited to units is told of the devices of their sites.
    """
    after = _pair(page)
    devices = ask.devices_on(ask.today)
    marks = [
        one
        for one in watermarks_of(ask.conn)
        if (after is None or (one.serial, one.gateway) > after)
        and (devices is None or one.serial in devices)
    ][: page.limit]
    return sent(
        of.Watermarks(
            devices=tuple(
                of.WatermarkAnswer(
                    device=one.serial,
                    gateway=one.gateway,
                    complete_until=one.complete_until,
                    on_device=one.on_device,
                    fetched=one.fetched,
                    stored=one.stored,
                    held_by=one.held_by,
                    told_at=one.told_at,
                )
                for one in marks
            ),
            next=_next([(one.serial, one.gateway) for one in marks], page),
        )
    )


def _pair(page: Page) -> tuple[str, str] | None:
    """The last key of the page before. Raises ProblemError 422."""
    if page.after is None:
        return None
    try:
        return msgspec.json.decode(page.after, type=tuple[str, str])
    except msgspec.DecodeError as exc:
        raise bad_cursor() from exc


def _next(keys: list[tuple[str, str]], page: Page) -> str | None:
    return cursor_of(msgspec.json.encode(keys[-1])) if len(keys) == page.limit else None
