"""Files of known-answer cases: named one by one, or the JSON files of a folder."""

from codecs import BOM_UTF8
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hr_core.cases.case_input import Json
from hr_core.errors import CoreError, NotFoundError

SCHEMA = "hrcase/1"
_FAMILY = "hrcase/"
# The largest known file holds 83 cases in 0.4 MB; one that is far larger is something else.
_MOST_BYTES = 64 * 2**20


class CaseFileError(CoreError):
    """A file that cannot be read as cases; `file` says which."""

    def __init__(self, file: Path, what: str) -> None:
        super().__init__(
            f"{file}: {what}",
            remedy=f'give files of {{"schema": "{SCHEMA}", "family": …, "cases": […]}}',
        )
        self.file = file


class OtherFileError(CaseFileError):
    """Good JSON that never said to be cases: beside them in a folder it does no harm."""


def case_files(paths: Iterable[Path]) -> list[Path]:
    """Raises NotFoundError for a path that is not there, and for a folder without JSON files."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NotFoundError(f"there is no {path}", remedy="give files or folders of cases")
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        if not files:
            raise NotFoundError(f"{path} holds no .json file", remedy="give a folder of cases")
        found += files
    return list(dict.fromkeys(found))


def cases_of(file: Path) -> list[Json]:
    """Raises CaseFileError for what is not hrcase/1."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise CaseFileError(file, f"is larger than {_MOST_BYTES} bytes")
        content = msgspec.json.decode(file.read_bytes().removeprefix(BOM_UTF8))
    except OSError as error:
        raise CaseFileError(file, f"cannot be read: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CaseFileError(file, f"is not JSON: {error}") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        meant = isinstance(schema, str) and schema.startswith(_FAMILY)
        kind = CaseFileError if meant else OtherFileError
        raise kind(file, f"is not a file of {SCHEMA} (its schema is {schema!r})")
    cases = content.get("cases")
    if not isinstance(cases, list):
        raise CaseFileError(file, "has no list of cases")
    return cases
