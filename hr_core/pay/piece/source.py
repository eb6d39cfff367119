"""Lines of piece pay of one person's month: what was made, the top-up to the minimum wage, scrap."""

from hr_core.pay.piece.lines import person_lines, with_single_codes
from hr_core.pay.piece.month_pieces import PersonPieces
from hr_core.pay.slip import SlipLine


def lines_of(pieces: PersonPieces) -> tuple[SlipLine, ...]:
    """Own pieces, rework and shares of groups. Raises NoPriceError, PayRefusedError."""
    if pieces.refused is not None:
        raise pieces.refused
    return with_single_codes([*person_lines(pieces.made, pieces.terms), *pieces.shares])
