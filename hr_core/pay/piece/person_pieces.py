"""One person's pieces of a month, ready to be paid."""

from msgspec import Struct

from hr_core.errors import CoreError
from hr_core.pay.piece.lines import PieceTerms, person_lines, with_single_codes
from hr_core.pay.piece.made import Made
from hr_core.pay.slip import SlipLine


class PersonPieces(Struct, frozen=True, kw_only=True):
    """`shares`: lines of group results. `refused`: why the person cannot be paid yet."""

    terms: PieceTerms
    made: tuple[Made, ...] = ()
    shares: tuple[SlipLine, ...] = ()
    refused: CoreError | None = None

    def facts(self) -> tuple[object, ...]:
        """All that the lines are made from, as JSON can say it."""
        tables = tuple(one.version for one in self.terms.book.tables)
        return tables, self.made, self.shares, str(self.refused or "")


def lines_of(pieces: PersonPieces) -> tuple[SlipLine, ...]:
    """Own pieces, rework and shares of groups. Raises NoPriceError, PayRefusedError."""
    if pieces.refused is not None:
        raise pieces.refused
    return with_single_codes([*person_lines(pieces.made, pieces.terms), *pieces.shares])
