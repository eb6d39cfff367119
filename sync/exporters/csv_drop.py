"""Files into a folder of this machine (or a mounted share): whole and durable, or not there."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from sync.exporters.contract import ExportBatch, Exporter, Judge, accepted
from sync.exporters.csv_form import CsvFile, CsvForm, files_of
from sync.exporters.errors import ExportRefusedError

FILE_MODE = 0o640  # punches are personal data; the group is for whoever fetches them


class CsvExporter(Exporter):
    def __init__(self, folder: Path, form: CsvForm) -> None:
        self._folder = folder
        self._form = form

    @override
    async def deliver(self, batch: ExportBatch, judge: Judge) -> None:
        try:
            for file in files_of(batch, self._form):
                await asyncio.to_thread(write_durably, self._folder, file)
        except OSError as exc:
            raise self._refused(exc) from exc
        for observation in batch.observations:
            judge(accepted(observation))

    @override
    async def check(self) -> str:
        try:
            await asyncio.to_thread(_try_folder, self._folder)
        except OSError as exc:
            raise self._refused(exc) from exc
        return f"{self._folder} can be written"

    @override
    def preview(self, batch: ExportBatch) -> Sequence[str]:
        return preview_files(batch, self._form)

    @override
    async def aclose(self) -> None:
        pass

    def _refused(self, exc: OSError) -> ExportRefusedError:
        return ExportRefusedError(
            f"cannot be written ({exc.strerror or exc})",
            where=str(self._folder),
            remedy="Create the folder for the agent's user, free space, or mount the share",
            code="folder_refused",
        )


def preview_files(batch: ExportBatch, form: CsvForm) -> list[str]:
    return [
        line
        for file in files_of(batch, form)
        for line in (file.name, *file.content.decode(form.encoding).splitlines())
    ]


def write_durably(folder: Path, file: CsvFile) -> None:
    """A file of this name with these bytes is on the disk when this returns. Raises OSError."""
    part = folder / f".{file.name}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with open(descriptor, "wb") as out:  # noqa: PTH123 - of a descriptor
        out.write(file.content)
        out.flush()
        os.fsync(out.fileno())
    part.rename(folder / file.name)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_folder(folder: Path) -> None:
    trial = folder / ".clockline-test.part"
    try:
        trial.write_bytes(b"test")
    finally:
        with contextlib.suppress(FileNotFoundError):
            trial.unlink()
