"""A first map.toml from the heading of a table, for a person to correct: nothing in it is sure."""

import json
from collections.abc import Iterable, Sequence
from functools import cache

from hr_core.pay.diff.table_amounts import amount_of
from hr_core.pay.diff.table_header import Header, find_header, plain
from hr_core.pay.diff.table_map import TablePlace
from hr_core.pay.entry import EntryKind
from hr_core.pay.line_words import words as line_words
from hr_core.pay.made_line import LABELS
from hr_core.pay.slip import Side, SlipLine
from hr_core.spreadsheet import Row, Sheet

_NET = ("实发", "实发工资", "实发合计", "实发金额", "net", "net pay")
_EARNED = ("应发", "应发工资", "应发合计", "gross", "gross pay")
# What a line's own words do not hold, as old tables write it. By the beginning of the code.
_OTHER_WORDS = {
    "base": ("基本工资", "底薪", "岗位工资"),
    "overtime_workday": ("平时加班", "平时加班费", "加班1.5"),
    "overtime_rest": ("周末加班", "休息日加班", "加班2"),
    "overtime_statutory": ("节日加班", "法定加班", "加班3"),
    "grade": ("质量奖", "绩效"),
    "pension": ("养老", "养老保险"),
    "medical": ("医疗", "医疗保险"),
    "unemployment": ("失业", "失业保险"),
    "housing_fund": ("公积金", "住房公积金"),
    "income_tax": ("个税", "个人所得税", "代扣个税"),
}
# Lines of one code on every slip, by the words that slips have for them: a month may have none of it.
_OTHER_KNOWN = ("sick_leave", "sick_pay", "minimum_wage_top_up", "scrap", "grade")
_DEDUCTED = ("income_tax", "bonus_tax", "severance_tax", "scrap")
_ALL_OVERTIME = ("加班费", "加班工资", "加班", "overtime", "overtime pay")
_TOTALS = ("合计", "总计", "小计", "total", "sum")

# The lines that a column, or several, is held against.
_Codes = tuple[str, ...]


def first_map(sheet: Sheet, lines: Sequence[SlipLine], *, name: str) -> str:
    """TOML text. `lines`: one of each line of the run. Raises NoHeaderError."""
    header = find_header(sheet, TablePlace())
    body = [row for row in sheet.rows if row.number > max(header.rows)]
    parts = [
        "# Written from the heading of the table. Read each line of it before it is used:",
        "# which columns make a line, what is subtracted (minus), which rows are totals (skip).",
        f"name = {_text(name)}",
    ]
    chosen, left = _matched(header, body, lines)
    parts.append(f"ignore = {_list(left['words'])}")
    parts += ["", "[table]", f"header_rows = {list(header.rows)}"]
    if header.number is not None:
        parts.append(f"number = {_text(header.names[header.number])}")
    if header.name is not None:
        parts.append(f"name = {_text(header.names[header.name])}")
    parts += ['unit = "yuan"', f"skip = {_list(_totals(body))}", 'tolerance = "0.00"']
    there = {line.code for line in lines}
    for codes, (columns, minus) in chosen.items():
        parts.append("")
        if not codes[0].startswith("@") and there.isdisjoint(codes):
            parts.append("# by its name alone: no slip of this run has the line")
        parts += ["[[line]]", f"lines = {_list(codes)}"]
        parts.append(f"{'minus' if minus else 'columns'} = {_list(columns)}")
    for column in left["amounts"]:
        parts += [
            "",
            "# no line of the run has this name: give it one, or put the column under ignore",
            "# [[line]]",
            '# lines = [""]',
            f"# columns = [{_text(column)}]",
        ]
    return "\n".join(parts) + "\n"


def _matched(
    header: Header, body: Sequence[Row], lines: Sequence[SlipLine]
) -> tuple[dict[_Codes, tuple[list[str], bool]], dict[str, list[str]]]:
    """Columns by lines with whether they are subtracted; columns left over: with amounts, with words."""
    words: dict[str, _Codes] = {
        word: (code,) for code, found in _known_words().items() for word in found
    }
    words |= {word: codes for codes, found in _words(lines).items() for word in found}
    taken_off = {line.code for line in lines if line.side is Side.DEDUCTED}
    taken_off |= {code for code in _known_words() if code.endswith("_employee")} | {*_DEDUCTED}
    chosen: dict[_Codes, tuple[list[str], bool]] = {}
    left: dict[str, list[str]] = {"amounts": [], "words": []}
    for at, name in enumerate(header.names):
        if not name or at in {header.number, header.name}:
            continue
        amounts = _amounts(body, at)
        codes = words.get(plain(name)) or words.get(plain(name).rpartition("/")[2])
        if amounts is None:
            left["words"].append(name)
        elif codes is None:
            left["amounts"].append(name)
        else:
            minus = taken_off.issuperset(codes) and sum(amounts) >= 0
            chosen.setdefault(codes, ([], minus))[0].append(name)
    return chosen, left


def _words(lines: Sequence[SlipLine]) -> dict[_Codes, set[str]]:
    found: dict[_Codes, set[str]] = {
        ("@net",): {plain(one) for one in _NET},
        ("@earned",): {plain(one) for one in _EARNED},
    }
    overtime = tuple(sorted(line.code for line in lines if line.code.startswith("overtime")))
    found[overtime] = {plain(one) for one in _ALL_OVERTIME} if overtime else set()
    for line in lines:
        if line.side is not Side.EMPLOYER:
            words = {plain(line.label), plain(line.label_zh), plain(line.code)}
            found[(line.code,)] = found.get((line.code,), set()) | words | _other_words(line.code)
    return found


@cache
def _known_words() -> dict[str, set[str]]:
    """By code, of lines that have no number behind it. What the employer pays is in no such table."""
    entered = {kind.value for kind in EntryKind}
    codes = [code for code in (*LABELS, *_OTHER_KNOWN) if code not in entered]
    names = line_words().names
    return {
        code: {plain(one) for one in (code, *LABELS.get(code, ()), *names.get(code, ()))}
        | _other_words(code)
        for code in codes
        if not code.endswith("_employer")
    }


def _other_words(code: str) -> set[str]:
    """Of the fund, not of its supplement."""
    if code.startswith("housing_fund_supplement"):
        return set()
    return {
        plain(one)
        for start, others in _OTHER_WORDS.items()
        if code.startswith(start)
        for one in others
    }


def _amounts(body: Sequence[Row], column: int) -> list[int] | None:
    """None when a cell is a word."""
    found = []
    for row in body:
        cell = row.cells[column] if column < len(row.cells) else ""
        try:
            found.append(amount_of(cell, half_up=True))
        except ValueError:
            return None
    said = [one for one in found if one is not None]
    return said or None


def _totals(body: Sequence[Row]) -> list[str]:
    """Texts of rows that look like totals; a person decides."""
    found = {
        cell
        for row in body
        for cell in row.cells
        if cell and any(plain(cell).startswith(word) for word in _TOTALS)
    }
    return sorted(found)


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)
