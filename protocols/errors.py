"""What the sans-IO code may raise, by blame. Facts are attributes; nothing is judged by text."""


class ProtocolError(Exception):
    """The peer sent bytes that its protocol does not allow.

    `offset` is where in the stream or table (bytes), None when the place is not known.
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class TruncatedError(ProtocolError):
    """The stream ended inside a frame or a table: `missing` bytes at least were still to come."""

    def __init__(self, message: str, *, missing: int, offset: int | None = None) -> None:
        super().__init__(message, offset=offset)
        self.missing = missing


class RefusedError(ProtocolError):
    """The peer understood the request and said no. `request` and `code` are the wire's numbers."""

    def __init__(self, message: str, *, request: int, code: int) -> None:
        super().__init__(message)
        self.request = request
        self.code = code


class LimitExceededError(ProtocolError):
    """The peer announced or sent more than the cap that protects us. `limit` is that cap."""

    def __init__(self, message: str, *, limit: int, offset: int | None = None) -> None:
        super().__init__(message, offset=offset)
        self.limit = limit
