"""How the database can fail, by what must happen next."""

from hr_core.errors import CoreError


class StorageError(CoreError):
    """The database cannot be opened, read or written; nothing of the request was kept.

    `what` happened, `where` (database address without password), the `remedy`, and `code`, a
    stable word for programs (`storage_full`, `schema_version`, …).
    """

    def __init__(self, what: str, *, where: str, remedy: str, code: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}", remedy=remedy)
        self.what = what
        self.where = where
        self.code = code


class StorageBusyError(StorageError):
    """Another writer held the database longer than the time-out. The same call may work later."""


class SchemaVersionError(StorageError):
    """The database was written by another version of the core. `found` and `expected` say which."""

    def __init__(self, *, where: str, found: int, expected: int) -> None:
        super().__init__(
            f"the database has schema {found}, this hr-core speaks schema {expected}",
            where=where,
            remedy="Run the hr-core version that wrote it"
            if found > expected
            else "Back the database up, then run hr-core migrate (hr-core serve does it by itself)",
            code="schema_version",
        )
        self.found = found
        self.expected = expected
