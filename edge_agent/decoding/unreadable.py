"""An input that is not what it was said to be. The message tells a person what to do."""


class UnreadableError(Exception):
    """`what` is wrong with the input as a whole, and the `remedy`."""

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what}. {remedy}")
        self.what = what
        self.remedy = remedy
