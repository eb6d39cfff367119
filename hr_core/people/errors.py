"""What a change of people can be refused for."""

from hr_core.errors import RefusedError


class ChangeRefusedError(RefusedError):
    """The change contradicts what is stored; nothing was changed. `row` is where it does."""

    def __init__(self, message: str, *, row: str, remedy: str) -> None:
        super().__init__(f"{row}: {message}", remedy=remedy)
        self.row = row
