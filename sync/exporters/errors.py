"""How an export can fail as a whole, by what its loop must do. Every error carries its remedy."""


class ExportError(Exception):
    """`what` happened, `where` (the other system), the `remedy`, and a stable word as `code`.

    Whatever the class: records that were not judged before it are delivered again.
    """

    def __init__(self, what: str, *, where: str, remedy: str, code: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}")
        self.what = what
        self.where = where
        self.remedy = remedy
        self.code = code


class ExportUnreachableError(ExportError):
    """No connection, no answer in time, rubbish, or a failure inside. Retried with back-off."""


class ExportBusyError(ExportError):
    """The other system asks for patience: `retry_after_s` when it named a least wait."""

    def __init__(
        self,
        what: str,
        *,
        where: str,
        remedy: str,
        code: str,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy, code=code)
        self.retry_after_s = retry_after_s


class ExportRefusedError(ExportError):
    """Wrong credentials, rights, address or folder: a person must act. Tried again slowly."""
