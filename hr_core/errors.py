"""What the core refuses, by blame. Each error says what, where (facts as attributes), what to do."""

from datetime import date


class CoreError(Exception):
    """A request that cannot be answered as it stands; `remedy` is what the operator can do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class InputFileError(CoreError):
    """A file that people wrote is not acceptable; `file` and `key` say where."""

    def __init__(self, message: str, *, file: str, key: str, remedy: str) -> None:
        super().__init__(f"{file}: {key}: {message}", remedy=remedy)
        self.file = file
        self.key = key


class NoLawError(CoreError):
    """No sourced rule covers the date. Never replaced by a default: it would end as money.

    `city` where the rule is a city's own.
    """

    def __init__(self, item: str, on: date, *, city: str | None = None) -> None:
        of_city = f"{city}: " if city else ""
        remedy = f"add the sourced rows for {on.year} to hr_core/data (each with its source)"
        if city:
            remedy += ", or import them with hr-core law import FILE"
        super().__init__(f"{of_city}there is no {item} for {on}", remedy=remedy)
        self.item = item
        self.on = on
        self.city = city


class NotFoundError(CoreError):
    """The operator named something that the store does not hold."""


class RefusedError(CoreError):
    """Asked for against a rule: the request is at fault, not the core. Nothing was changed."""


class NothingToComputeError(CoreError):
    """The store holds nothing from which the result could be computed."""
