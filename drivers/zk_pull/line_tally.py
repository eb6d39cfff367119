"""Counts of the line to one terminal, over all connections of a driver."""

from drivers.vitals import LineQuality


class LineTally:
    """`LineQuality` while it grows."""

    def __init__(self) -> None:
        self.connections = 0
        self.losses = 0
        self.requests = 0
        self.repeats = 0
        self.timeouts = 0
        self.packets = 0
        self.wrong_checksums = 0

    def quality(self, *, stream: bool) -> LineQuality:
        return LineQuality(
            stream=stream,
            connections=self.connections,
            losses=self.losses,
            requests=self.requests,
            repeats=self.repeats,
            timeouts=self.timeouts,
            packets=self.packets,
            wrong_checksums=self.wrong_checksums,
        )
