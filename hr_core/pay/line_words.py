"""A payslip line in words: one sentence, how it was counted, the days, the rounding, the law.

Sentences are data (hr_core/data/line_words.toml) and are filled from the line's own trace. A kind of
line that the file does not know is an error, never a code shown to a worker.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache
from string import Formatter
from typing import Literal, NamedTuple

from msgspec import Struct

from hr_core.data_files import load
from hr_core.errors import CoreError
from hr_core.law.rows import Status
from hr_core.pay.line_values import Value, fraction_of, rounding_of, values_of
from hr_core.pay.slip import Side, SlipLine

Lang = Literal["zh", "en"]
Both = tuple[str, str]

_SHOWN_PLACES = 4
_PERCENT = 100


class Form(Struct, frozen=True, forbid_unknown_fields=True):
    kinds: tuple[str, ...]
    sentence: Both
    calculation: Both | None = None
    when: tuple[str, ...] = ()
    zero: bool = False


class Absent(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind that somebody may miss on a slip with one of the lines `beside` and none of `without`."""

    kind: str
    side: Side
    beside: tuple[str, ...]
    why: Both
    without: tuple[str, ...] = ()


class Why(Struct, frozen=True, forbid_unknown_fields=True):
    value: str
    text: Both
    format: str = ""


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    names: dict[str, Both]
    form: tuple[Form, ...]
    absent: tuple[Absent, ...]
    why: tuple[Why, ...]
    says: dict[str, Both]
    open_days: dict[str, Both]


class _SourceWords(Struct, frozen=True, forbid_unknown_fields=True):
    zh: dict[str, str]


class LawWords(Struct, frozen=True, kw_only=True):
    """`warning`: what a worker must know of an unverified row, else ""."""

    text: str
    warning: str = ""


class LineWords(Struct, frozen=True, kw_only=True):
    """`days`: the days that made the line; `calculation` and `rounding` are "" where there is none."""

    code: str
    kind: str
    name: str
    amount_fen: int
    sentence: str
    days: str
    calculation: str
    rounding: str
    law: tuple[LawWords, ...]


class MissingWordsError(CoreError):
    """A fault of ours: the code makes a line that the words do not know."""


@cache
def words() -> Words:
    return load("line_words.toml", Words)


def says(key: str, lang: Lang, **values: str) -> str:
    return _of(words().says[key], lang).format(**values)


def kind_of(line: SlipLine) -> str:
    """The key of the line's name. A code may go on behind its kind: bonus_2, retro_2026-08_base.

    Raises MissingWordsError.
    """
    kind = _kind_of_codes((line.code, line.trace.rule.replace(".", "_")), line.side)
    if kind is None:
        raise MissingWordsError(
            f"no words for the line {line.code!r} (rule {line.trace.rule!r})",
            remedy="add its name and a form to hr_core/data/line_words.toml",
        )
    return kind


def _kind_of_codes(codes: Iterable[str], side: Side) -> str | None:
    names = words().names
    for code in codes:
        parts = code.replace(":", "_").split("_")
        for end in range(len(parts), 0, -1):
            kind = "_".join(parts[:end])
            if f"{kind}.{side}" in names:
                return f"{kind}.{side}"
            if kind in names:
                return kind
    return None


def name_of(line: SlipLine, lang: Lang) -> str:
    """Of two allowances each with its own name behind."""
    kind = kind_of(line)
    facts = line.trace.facts
    own = facts.get("name") or " ".join(
        facts[part]
        for part in ("group", "product", "process", "grade")
        if facts.get(part) and "product" in facts
    )
    named = _of(words().names[kind], lang)
    return named if own in {"", kind} else f"{named} · {own}"


def words_of(line: SlipLine, lang: Lang) -> LineWords:
    """Raises MissingWordsError."""
    kind = kind_of(line)
    of_line = _kind_of_codes((line.trace.facts.get("line", ""),), line.side)
    values: dict[str, Value] = {
        **values_of(line),
        **({} if of_line is None else {"line_name": _of(words().names[of_line], lang)}),
        "name": name_of(line, lang),
        "amount": yuan_text(shown_fen(line)),
    }
    form = _form(kind.partition(".")[0], line, values)
    calculation = "" if form.calculation is None else filled(form.calculation, lang, values)
    return LineWords(
        code=line.code,
        kind=kind,
        name=str(values["name"]),
        amount_fen=line.amount_fen,
        sentence=filled(form.sentence, lang, values) or "",
        days=_days(line, lang),
        calculation=calculation or "",
        rounding=_rounding(line, lang),
        law=tuple(_law(line, lang)),
    )


class AbsentLine(NamedTuple):
    side: Side
    name: str
    why: str


def absent_lines(lines: Iterable[SlipLine], lang: Lang) -> Iterator[AbsentLine]:
    """Lines that somebody may look for and that the slip does not have, each with the reason."""
    there = {kind_of(line) for line in lines}
    for one in words().absent:
        if there.intersection(one.beside) and not there.intersection((one.kind, *one.without)):
            yield AbsentLine(one.side, _of(words().names[one.kind], lang), _of(one.why, lang))


def filled(both: Both, lang: Lang, values: Mapping[str, Value]) -> str | None:
    """None when a placeholder has no value, or none that can be written as it asks."""
    parts = []
    for literal, field, spec, _ in Formatter().parse(_of(both, lang)):
        parts.append(literal)
        if field is not None:
            text = value_text(values.get(field), spec or "")
            if text is None:
                return None
            parts.append(text)
    return "".join(parts)


def value_text(value: Value | None, spec: str) -> str | None:
    """`spec`: a format of line_words.toml, "" for a text as it is. None when the value is no number."""
    if value is None or not spec:
        return None if value is None else str(value)
    number = fraction_of(value)
    return None if number is None else _FORMATS[spec](number)


def yuan_text(fen: int | Fraction) -> str:
    """1,234.56; of a part of a fen the first four decimals and ... behind them."""
    yuan = Fraction(fen) / 100
    text = cut_text(abs(yuan), least=2)
    whole, point, rest = text.partition(".")
    return f"{'−' if yuan < 0 else ''}{int(whole):,}{point}{rest}"


def cut_text(number: Fraction, *, least: int = 0) -> str:
    """With at least `least` decimals; what does not end after four goes on as ..., never rounded."""
    scaled, rest = divmod(abs(number) * 10**_SHOWN_PLACES, 1)
    whole, decimals = divmod(int(scaled), 10**_SHOWN_PLACES)
    digits = f"{decimals:0{_SHOWN_PLACES}}"
    if not rest:
        digits = digits.rstrip("0").ljust(least, "0")
    sign = "−" if number < 0 else ""
    return f"{sign}{whole}{'.' if digits else ''}{digits}{'…' if rest else ''}"


def _time_text(minutes: Fraction) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours}:{rest:02d}"


def _percent_text(share: Fraction) -> str:
    """8%, 0.25%; a share of more than one, or one that does not end, as it is: 7/2."""
    text = cut_text(share * _PERCENT)
    return str(share) if share > 1 or text.endswith("…") else f"{text}%"


_FORMATS: dict[str, Callable[[Fraction], str]] = {
    "yuan": yuan_text,
    "time": _time_text,
    "dec": cut_text,
    "percent": _percent_text,
    "n": lambda count: f"{int(count):,}",
}


def shown_fen(line: SlipLine) -> int:
    """What is taken off is told without its minus: the heading says already that it is."""
    return -line.amount_fen if line.side is Side.DEDUCTED else line.amount_fen


def _form(kind: str, line: SlipLine, values: Mapping[str, Value]) -> Form:
    for form in words().form:
        if (
            any(fnmatchcase(kind, pattern) for pattern in form.kinds)
            and (not form.zero or line.amount_fen == 0)
            and all(name in values for name in form.when)
            and filled(form.sentence, "zh", values) is not None
        ):
            return form
    raise MissingWordsError(
        f"no form fits the line {line.code!r} (rule {line.trace.rule!r})",
        remedy="add a form without placeholders to hr_core/data/line_words.toml",
    )


def _rounding(line: SlipLine, lang: Lang) -> str:
    rounding = rounding_of(line.trace)
    if rounding is None:
        return ""
    if not rounding.changed:
        return says("not_rounded", lang)
    key, sign = ("rounded_up" if rounding.up else "rounded"), 1
    if rounding.up and rounding.exact < 0:  # how steps round down
        key, sign = "rounded_down", -1
    return says(
        key,
        lang,
        exact=yuan_text(sign * rounding.exact),
        rounded=yuan_text(sign * rounding.rounded),
        unit=says(f"unit_{rounding.unit_fen}", lang),
    )


def _days(line: SlipLine, lang: Lang) -> str:
    days = line.trace.days
    if not days:
        return ""
    told = [f"{_day_text(day.day, lang)} {value_text(day.minutes, 'time')}" for day in days]
    count = "day_count_1" if len(days) == 1 else "day_count"
    return f"{' · '.join(told)} ({says(count, lang, count=str(len(days)))})"


def _day_text(day: str, lang: Lang) -> str:
    on = date.fromisoformat(day)
    return f"{on.day}日" if lang == "zh" else f"{on:%m-%d}"


def _law(line: SlipLine, lang: Lang) -> Iterator[LawWords]:
    """Each row of law with its status in words, or the rule's own source; who entered a sum is told in
    its sentence.
    """
    trace = line.trace
    unverified = trace.facts.get("law_status") == Status.UNVERIFIED
    if not trace.law and not trace.entries:
        text = source_in(trace.source, lang)
        yield LawWords(text=text, warning=says("unverified", lang) if unverified else "")
    for row in trace.law:
        status = Status(row.status)
        yield LawWords(
            text=says(
                "law_row",
                lang,
                city=row.city or says("country", lang),
                since=row.since,
                source=source_in(row.source, lang),
                status=says(f"status_{status}", lang),
            ),
            warning=says("unverified", lang) if status is Status.UNVERIFIED else "",
        )


def source_in(source: str, lang: Lang) -> str:
    """What a source that ships is called in the language; any other as its row has it."""
    return _sources().zh.get(source, source) if lang == "zh" else source


@cache
def _sources() -> _SourceWords:
    return load("source_words.toml", _SourceWords)


def _of(both: Both, lang: Lang) -> str:
    return both[0] if lang == "zh" else both[1]
