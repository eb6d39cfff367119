"""How delivering to a core can fail, by what the uplink must do. Every error carries its remedy."""

from protocols.batch_chain import ChainHead


class UplinkError(Exception):
    """`what` happened, `where` (the core's address), and the `remedy` for the person who reads it.

    `code` is a stable word for programs (`core_timeout`, `key_refused`, …). Whatever the class,
    nothing of the batch counts as delivered, and the same batch is sent again.
    """

    def __init__(self, what: str, *, where: str, remedy: str, code: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}")
        self.what = what
        self.where = where
        self.remedy = remedy
        self.code = code


class CoreUnreachableError(UplinkError):
    """No connection, no answer in time, or the core failed inside. Retried with back-off."""


class CoreBusyError(UplinkError):
    """The core asks for patience. `retry_after_s` is the least wait it named, None if it did not."""

    def __init__(
        self, what: str, *, where: str, remedy: str, code: str, retry_after_s: float | None
    ) -> None:
        super().__init__(what, where=where, remedy=remedy, code=code)
        self.retry_after_s = retry_after_s


class CoreRefusedError(UplinkError):
    """Wrong key, address, certificate or batch: a person must act. Tried again slowly."""


class ChainForkError(CoreRefusedError):
    """Core and gateway hold different batches under one number: two machines send in one name, or
    this gateway's spool or the core is not the one of before. Nothing is sent until they agree.
    """


class ChainGapError(UplinkError):
    """The core lacks batches before this one (it was restored from a backup). The next attempt
    compares the chains and goes back to `head`, the last batch that the core holds.
    """

    def __init__(self, what: str, *, where: str, remedy: str, code: str, head: ChainHead) -> None:
        super().__init__(what, where=where, remedy=remedy, code=code)
        self.head = head


class RubbishAnswerError(UplinkError):
    """What came back is not an answer to this batch. Nothing is settled by it; retried."""


class FormRefusedError(CoreRefusedError):
    """The core does not read the form in which the batch was sent; it may read another."""
