#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["chinese-calendar==1.11.0", "holidays==0.109"]
# ///
"""Write hr_core/data/calendar_cn.toml to stdout, from two independent packages that must agree.

    python3 -m venv $T && $T/bin/pip install chinese-calendar==1.11.0 holidays==0.109
    $T/bin/python tools/calendar_cn.py > calendar_cn.toml     (then read the diff and move it)

Neither package is a dependency of Clockline: only dates are taken. The days off and the worked
weekends must be the same in both, day by day; which of the days off carry 300 % is what `holidays`
names without "observed" or "substituted", less what is no holiday by the State Council's orders,
and must give the number of days that the order grants. Any difference stops the tool.
"""

import sys
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version

import holidays  # type: ignore[import-not-found,unused-ignore]
from chinese_calendar import constants  # type: ignore[import-not-found,unused-ignore]

VERSION = "calendar-cn/2026-11-22"
SATURDAY = 5
FESTIVALS = frozenset({
    "New Year's Day", "Chinese New Year's Eve", "Chinese New Year (Spring Festival)",
    "Tomb-Sweeping Day", "Labor Day", "Dragon Boat Festival", "Mid-Autumn Festival", "National Day",
})  # fmt: skip

_GAZETTE, _PORTAL = "https://www.gov.cn/gongbao/content", "https://www.gov.cn/zhengce"
# The State Council's notices: to 2018 as `holidays` names them, then as the published list does.
NOTICES = {
    2008: f"{_GAZETTE}/2008/content_859870.htm",
    2009: f"{_GAZETTE}/2008/content_1175823.htm",
    2010: f"{_GAZETTE}/2009/content_1487011.htm",
    2011: f"{_GAZETTE}/2010/content_1765282.htm",
    2012: f"{_GAZETTE}/2011/content_2020918.htm",
    2013: f"{_GAZETTE}/2012/content_2292057.htm",
    2014: f"{_GAZETTE}/2014/content_2561299.htm",
    2015: f"{_GAZETTE}/2015/content_2799019.htm and {_PORTAL}/content/2015-05/13/content_9742.htm",
    2016: f"{_GAZETTE}/2016/content_2979719.htm",
    2017: f"{_GAZETTE}/2016/content_5148793.htm",
    2018: f"{_GAZETTE}/2017/content_5248221.htm",
    2019: f"{_PORTAL}/zhengceku/2018-12/06/content_5346276.htm and "
    f"{_PORTAL}/zhengceku/2019-03/22/content_5375877.htm",
    2020: f"{_PORTAL}/zhengceku/2019-11/21/content_5454164.htm and "
    f"{_PORTAL}/zhengceku/2020-01/27/content_5472352.htm",
    2021: f"{_PORTAL}/zhengceku/2020-11/25/content_5564127.htm",
    2022: f"{_PORTAL}/zhengceku/2021-10/25/content_5644835.htm",
    2023: f"{_PORTAL}/zhengceku/2022-12/08/content_5730844.htm",
    2024: f"{_PORTAL}/zhengceku/202310/content_6911528.htm",
    2025: f"{_PORTAL}/zhengceku/202411/content_6986383.htm",
    2026: f"{_PORTAL}/zhengceku/202511/content_7047091.htm",
}

# Days that a ruling pays like the order's own.
RULED = {date(2020, 10, 4)}
REMARKS = {
    2009: "Mid-Autumn fell on 10-03, so 10 dates; in 2020 the ministry ruled one day more for such a "
    "clash, a ruling for 2009 was not found: ask before paying October 2009",
    2015: "2015-09-03 (one-off commemoration) is not in the order's list: a day off, not 300 %",
    2020: "Mid-Autumn fell on 10-01, and 10-01 to 10-04 carry 300 %: 人社厅函〔2020〕135号, "
    "https://www.mohrss.gov.cn/xxgk2020/fdzdgknr/zcfg/gfxwj/ldgx/202401/t20240131_513082.html",
}
UNSETTLED = {2009}

HEADER = f"""\
# The Chinese working calendar: which weekdays are free, which weekends are worked, and which days
# are the statutory holidays that carry 300 % (Labour Law art. 44). Everything else is by weekday.
# A year that is not here is refused (NoLawError), never guessed: before 2008 other orders were in
# force, and a year's notice comes out only in the November before it.
# status: official = read in the notice itself; secondary = derived, and two sources agree;
# unverified = a question is open, see statutory_source.
# Written by tools/calendar_cn.py; correct the tool, not this file.
version = "{VERSION}"
"""


def order(year: int) -> tuple[int, str]:
    """Days granted, and by which order (全国年节及纪念日放假办法 as amended)."""
    if year >= 2025:
        return 13, "State Council order 795, count in 人社部发〔2025〕2号"
    if year >= 2014:
        return 11, "State Council order 644, count in 劳社部发〔2008〕3号"
    return 11, "State Council order 513, count in 劳社部发〔2008〕3号"


def festivals_of(name: str) -> list[str]:
    """A date may carry two: "Mid-Autumn Festival; National Day"."""
    return [part for part in name.split("; ") if part in FESTIVALS]


def same(what: str, ours: set[date], theirs: set[date]) -> None:
    if ours != theirs:
        shown = ", ".join(map(str, sorted(ours ^ theirs)))
        sys.exit(f"error: chinese-calendar and holidays differ in {what}: {shown}")


def rows(key: str, days: Iterable[date]) -> str:
    listed = [str(day) for day in sorted(days)]
    lines = [", ".join(listed[start : start + 8]) for start in range(0, len(listed), 8)]
    if len(lines) == 1 and len(lines[0]) < 86:
        return f"{key} = [{lines[0]}]\n"
    return f"{key} = [\n" + "".join(f"  {line},\n" for line in lines) + "]\n"


def block(year: int) -> str:
    named = holidays.country_holidays("CN", years=year, language="en_US")
    weekdays_off = {day for day in constants.holidays if day.year == year and day.weekday() < 5}
    worked = {day for day in constants.workdays if day.year == year}
    same(
        f"the weekdays off of {year}",
        weekdays_off,
        {day for day in named if day.year == year and day.weekday() < SATURDAY},
    )
    same(
        f"the worked weekends of {year}",
        worked,
        {day for day in named.weekend_workdays if day.year == year},
    )
    granted, law = order(year)
    festivals = {day: found for day in named if (found := festivals_of(named[day]))}
    if sum(map(len, festivals.values())) != granted:
        sys.exit(f"error: {year}: {granted} days by {law}, holidays names {festivals}")
    statutory = set(festivals) | {day for day in RULED if day.year == year}
    if any(day.weekday() < SATURDAY for day in statutory - weekdays_off) or statutory & worked:
        sys.exit(f"error: {year}: a statutory day is worked: {sorted(statutory)}")
    remark = f"; {REMARKS[year]}" if year in REMARKS else ""
    return (
        f"\n[[year]]\nyear = {year}\n"
        f'source = "State Council notice of days off {year}, {NOTICES[year]}; dates by way of '
        f"chinese-calendar {version('chinese-calendar')}, the same in holidays "
        f'{version("holidays")}"\n'
        f'statutory_source = "{granted} days: {law}; dates by way of holidays '
        f'{version("holidays")}{remark}"\n'
        f'status = "{"unverified" if year in UNSETTLED else "secondary"}"\n'
        + rows("statutory", statutory)
        + rows("free", weekdays_off - statutory)
        + rows("worked", worked)
    )


if __name__ == "__main__":
    sys.stdout.write(HEADER + "".join(block(year) for year in NOTICES))
