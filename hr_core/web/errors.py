"""What a page answers instead of its content: words come from the catalogue, in its language."""


class NoPageError(Exception):
    """Nothing is there; `what` names the phrases `{what}_what` and `{what}_do`."""

    def __init__(self, what: str, **values: object) -> None:
        super().__init__(f"{what}: {values}")
        self.what = what
        self.values = values
