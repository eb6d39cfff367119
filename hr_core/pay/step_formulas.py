"""The steps of a trace as spreadsheet formulas that give the same fen.

A spreadsheet counts in doubles and takes a number within 15 digits of a whole one for it (LibreOffice's
approxFloor), so a quotient is exact only while its dividend is below 2 x 10^14.
"""

from collections.abc import Callable, Sequence

# A twentieth of what is exact: room for whoever changes an input cell.
_PLAIN_LIMIT = 10**13
EXACT_LIMIT = 10**14

Cells = Sequence[str]
Values = Sequence[int]


def step_formula(operation: str, cells: Cells, values: Values) -> str | None:
    """With "=" before it. `values` are those of `cells` today: they say which form is exact.

    None when no formula would be: the step is then shown as a number.
    """
    if any(abs(value) >= EXACT_LIMIT for value in values):
        return None
    formula = _FORMULAS.get(operation)
    return None if formula is None else formula(cells, values)


def _half_up(cells: Cells, values: Values) -> str | None:
    """Half up by magnitude, as money.multiply_fen does."""
    fen, over, under = cells
    dividend = 2 * abs(values[0] * values[1]) + values[2]
    if dividend < _PLAIN_LIMIT:
        return f"=SIGN({fen}*{over})*INT((2*ABS({fen}*{over})+{under})/(2*{under}))"
    # fen = whole x under + rest: the whole part needs no division of the large product.
    rest = abs(values[0]) % values[2]
    whole = abs(values[0]) // values[2] * abs(values[1])
    if max(2 * rest * abs(values[1]) + values[2], whole) >= EXACT_LIMIT:
        return None
    held = f"INT(ABS({fen})/{under})"
    left = f"(ABS({fen})-{held}*{under})"
    return (
        f"=SIGN({fen})*SIGN({over})*"
        f"({held}*ABS({over})+INT((2*{left}*ABS({over})+{under})/(2*{under})))"
    )


def _up(cells: Cells, values: Values) -> str | None:
    if abs(values[0] * values[1]) >= _PLAIN_LIMIT:
        return None
    fen, over, under = cells
    return f"=-INT(-{fen}*{over}/{under})"


def _product(cells: Cells, values: Values) -> str | None:
    found = 1
    for value in values:
        found *= value
    return None if abs(found) >= EXACT_LIMIT else "=" + "*".join(cells)


def _joined(function: str) -> Callable[[Cells, Values], str | None]:
    return lambda cells, _: f"={function}({','.join(cells)})" if cells else "=0"


def _difference(cells: Cells, values: Values) -> str | None:
    del values
    return "=" + "-".join(cells)


def _only(cells: Cells, values: Values) -> str | None:
    del values
    return f"={cells[0]}"


_FORMULAS: dict[str, Callable[[Cells, Values], str | None]] = {
    "constant": _only,
    "minutes_of_days": _joined("SUM"),
    "pieces_of_work": _joined("SUM"),
    "rejects_of_work": _joined("SUM"),
    "pieces_of_tallies": _joined("SUM"),
    "amount_of_lines": _joined("SUM"),
    "amount_of_entries": _joined("SUM"),
    "product": _product,
    "multiply_half_up": _half_up,
    "multiply_up": _up,
    "sum": _joined("SUM"),
    "difference": _difference,
    "smallest": _joined("MIN"),
    "largest": _joined("MAX"),
}
