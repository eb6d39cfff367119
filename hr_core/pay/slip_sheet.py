"""One person's sheet of the slip workbook: inputs as cells, every step and amount as a live formula."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from hr_core.pay.line_values import agreed_wage, operands
from hr_core.pay.line_words import name_of, words_of
from hr_core.pay.run_slips import RunSlip
from hr_core.pay.slip import Side, SlipLine
from hr_core.pay.step_formulas import step_formula
from hr_core.trace.calculation import Step, Trace

_VALUE = 1  # column B holds every number in fen, minutes or pieces, C amounts in yuan
_READS = (
    "minutes_of_days",
    "pieces_of_work",
    "rejects_of_work",
    "pieces_of_tallies",
    "amount_of_lines",
    "amount_of_entries",
)


class Look(NamedTuple):
    """Formats of xlsxwriter."""

    head: Any
    input: Any
    plain: Any
    yuan: Any


class Given(NamedTuple):
    """An input of a line and what reads it; `code` of another line whose amount it is."""

    label: str
    value: int
    read_by: str
    code: str = ""


class Filled(Struct, frozen=True):
    """Where others find the sheet's results: a cell for each line of the slip, and the net pay."""

    amounts: tuple[str, ...]
    net: str


class SlipSheet:
    """`month` is that of the run. Lines are filled in the order in which they need one another."""

    def __init__(self, sheet: Any, look: Look, slip: RunSlip, month: str) -> None:
        self._sheet, self._look, self._slip = sheet, look, slip
        self._row = 0
        self._amounts: dict[int, str] = {}
        self._shared: dict[tuple[str, int], str] = {}
        self._month = month

    def fill(self) -> Filled:
        slip, look = self._slip, self._look
        self._sheet.set_column(0, 0, 46)
        self._sheet.set_column(1, 2, 16)
        self._sheet.set_column(3, 3, 90)
        self._text(f"{self._month}  {slip.name}  {slip.number}", look.head)
        self._text("黄色单元格是输入,其余由公式计算;B 列单位: 分,C 列: 元")
        self._text("Yellow cells are inputs, all others formulas; column B in fen, C in yuan")
        first = self._row + 1
        self._row = first + len(slip.lines) + 2  # the slip itself is written last, above its steps
        for at in self._in_order():
            self._line(at)
        net = self._summary(first)
        return Filled(tuple(self._amounts[at] for at in range(len(slip.lines))), net)

    def _in_order(self) -> Iterator[int]:
        """A line after the lines whose amounts it takes; of a circle, which none is, as they stand."""
        codes = [line.code for line in self._slip.lines]
        waiting = list(range(len(codes)))
        while waiting:
            free = [at for at in waiting if not self._needs(at, {codes[one] for one in waiting})]
            yield from free or waiting
            waiting = [at for at in waiting if free and at not in free]

    def _needs(self, at: int, waiting: set[str]) -> bool:
        line = self._slip.lines[at]
        return any(one.code in waiting - {line.code} for one in line.trace.lines)

    def _line(self, at: int) -> None:
        line = self._slip.lines[at]
        told = words_of(line, "zh")
        self._row += 1
        self._text(f"{told.name} {name_of(line, 'en')}", self._look.head)
        self._sheet.write_string(self._row - 1, 3, told.sentence)
        trace = line.trace
        read: dict[str, list[str]] = {}
        for given in inputs_of(trace):
            read.setdefault(given.read_by, []).append(self._given(given))
        known: dict[str, str] = {}
        for step in trace.steps:
            known[step.name] = self._step(trace, step, known, read)
        self._amounts[at] = known[trace.steps[-1].name]

    def _given(self, given: Given) -> str:
        """A cell that follows another line of the slip, or an input."""
        for at, line in enumerate(self._slip.lines):
            if given.code == line.code and at in self._amounts and given.value == line.amount_fen:
                return self._formula(given.label, f"={self._amounts[at]}", given.value)
        return self._input(given.label, given.value)

    def _step(
        self, trace: Trace, step: Step, known: dict[str, str], read: dict[str, list[str]]
    ) -> str:
        if step.operation in _READS:
            cells = read.get(step.operation, [])
            formula = step_formula(step.operation, cells, ())
        else:
            values = operands(trace, step)
            cells = [
                known[of] if isinstance(of, str) else self._literal(trace, step, at, of)
                for at, of in enumerate(step.of)
            ]
            formula = step_formula(step.operation, cells, values)
        if formula is None:
            cell = self._input(f"{step.name} (!)", step.result)
            self._note("larger than a spreadsheet counts exactly: a number, no formula")
            return cell
        return self._formula(step.name, formula, step.result)

    def _literal(self, trace: Trace, step: Step, at: int, value: int) -> str:
        """One cell for the agreed wage and for each base of all lines, else one of the step's own."""
        if trace.rule == "income_tax" and (step.name, at) == _OWN_SHARES:
            shares = self._own_shares(value)
            if shares:
                return self._formula("社保公积金 own shares", f"=-SUM({','.join(shares)})", value)
        label = _shared_label(trace, step, value)
        if label is None:
            return self._input(f"{step.name}: {_PLACES.get((step.operation, at), at + 1)}", value)
        if (label, value) not in self._shared:
            self._shared[label, value] = self._input(label, value)
        return self._shared[label, value]

    def _own_shares(self, value: int) -> list[str]:
        """The cells of the slip's own shares, if they are what the tax took off; else none."""
        lines = [
            (at, line)
            for at, line in enumerate(self._slip.lines)
            if line.side is Side.DEDUCTED and line.code.endswith("_employee")
        ]
        told = all(at in self._amounts for at, _ in lines)
        if not told or -sum(line.amount_fen for _, line in lines) != value:
            return []
        return [self._amounts[at] for at, _ in lines]

    def _summary(self, first: int) -> str:
        for at, line in enumerate(self._slip.lines):
            self._slip_row(first + at, line, f"={self._amounts[at]}", line.amount_fen)
        counted = [
            f"B{first + at + 1}"
            for at, line in enumerate(self._slip.lines)
            if line.side is not Side.EMPLOYER
        ]
        row = first + len(self._slip.lines)
        formula = f"=SUM({','.join(counted)})" if counted else "=0"
        self._slip_row(row, None, formula, self._slip.net_fen)
        return f"B{row + 1}"

    def _slip_row(self, row: int, line: SlipLine | None, formula: str, fen: int) -> None:
        name = "实发 Net pay" if line is None else f"{name_of(line, 'zh')} {name_of(line, 'en')}"
        look = self._look
        self._sheet.write_string(row, 0, name, look.head if line is None else look.plain)
        self._sheet.write_formula(row, _VALUE, formula, look.plain, fen)
        self._sheet.write_formula(row, _VALUE + 1, f"=B{row + 1}/100", look.yuan, fen / 100)
        if line is not None:
            self._sheet.write_string(row, 3, line.side.value)

    def _text(self, text: str, look: Any = None) -> None:
        self._sheet.write_string(self._row, 0, text, look)
        self._row += 1

    def _input(self, label: str, value: int) -> str:
        self._sheet.write_string(self._row, 0, f"  {label}")
        self._sheet.write_number(self._row, _VALUE, value, self._look.input)
        self._row += 1
        return f"B{self._row}"

    def _formula(self, label: str, formula: str, value: int) -> str:
        self._sheet.write_string(self._row, 0, f"  {label}")
        self._sheet.write_formula(self._row, _VALUE, formula, self._look.plain, value)
        self._row += 1
        return f"B{self._row}"

    def _note(self, text: str) -> None:
        self._sheet.write_string(self._row - 1, 3, text)


_PLACES = {
    ("multiply_half_up", 0): "fen",
    ("multiply_half_up", 1): "×",
    ("multiply_half_up", 2): "÷",
    ("multiply_up", 0): "fen",
    ("multiply_up", 1): "×",
    ("multiply_up", 2): "÷",
}


_OWN_SHARES = ("contributions", 1)


def _shared_label(trace: Trace, step: Step, value: int) -> str | None:
    if value == agreed_wage(trace):
        return "月工资 agreed wage"
    if step.name == "base" and trace.rule.endswith(("_employee", "_employer")):
        fund = trace.rule.startswith("housing_fund")
        return "公积金基数 base of the fund" if fund else "社保基数 base of insurance"
    return None


def inputs_of(trace: Trace) -> Sequence[Given]:
    """What the operations without operands read, in the order of the trace."""
    found = [Given(one.day, one.minutes, "minutes_of_days") for one in trace.days]
    for work in trace.work:
        reads = "pieces_of_work" if work.metric == "pieces" else "rejects_of_work"
        found.append(Given(f"{work.source}/{work.tag} {work.metric}", work.amount, reads))
    for made in trace.corrections:
        found.append(Given(f"{made.number} pieces", made.pieces, "pieces_of_work"))
        found.append(Given(f"{made.number} rejects", made.rejects, "rejects_of_work"))
    found += [
        Given(f"{one.file} {one.row}", one.pieces, "pieces_of_tallies") for one in trace.tallies
    ]
    found += [Given(one.code, one.amount_fen, "amount_of_lines", one.code) for one in trace.lines]
    found += [
        Given(f"{one.number} {one.name}", one.amount_fen, "amount_of_entries")
        for one in trace.entries
    ]
    return found
