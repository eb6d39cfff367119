"""The same files onto an SFTP server: uploaded under another name, then renamed in one step.

Needs the extra `clockline[sftp]`; asyncssh is imported at the first connection.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from typing_extensions import override

from sync.exporters.contract import ExportBatch, Exporter, Judge, accepted
from sync.exporters.csv_drop import preview_files
from sync.exporters.csv_form import CsvFile, CsvForm, files_of
from sync.exporters.errors import ExportError, ExportRefusedError, ExportUnreachableError

if TYPE_CHECKING:
    import asyncssh


class SftpSettings(Struct, frozen=True, kw_only=True):
    """known_hosts  None switches the check of the host key off: anybody in between can then read
                    the punches and take the password
    key_file        private key, or
    password        instead of it
    """

    host: str
    user: str
    folder: str
    known_hosts: Path | None
    port: int = 22
    key_file: Path | None = None
    password: str | None = None
    timeout_s: float = 30.0


class SftpExporter(Exporter):
    """One connection per batch: batches are minutes apart, and idle ones are cut by firewalls."""

    def __init__(self, settings: SftpSettings, form: CsvForm) -> None:
        self._settings = settings
        self._form = form
        self._where = f"sftp {settings.user}@{settings.host}:{settings.port}"

    @override
    async def deliver(self, batch: ExportBatch, judge: Judge) -> None:
        async with self._session() as sftp:
            for file in files_of(batch, self._form):
                await self._upload(sftp, file)
        for observation in batch.observations:
            judge(accepted(observation))

    @override
    async def check(self) -> str:
        trial = str(PurePosixPath(self._settings.folder) / ".clockline-test.part")
        async with self._session() as sftp:
            async with sftp.open(trial, "wb") as out:
                await out.write(b"test")
            await sftp.remove(trial)
        return f"{self._settings.folder} on {self._settings.host} can be written"

    @override
    def preview(self, batch: ExportBatch) -> Sequence[str]:
        return preview_files(batch, self._form)

    @override
    async def aclose(self) -> None:
        pass

    async def _upload(self, sftp: "asyncssh.SFTPClient", file: CsvFile) -> None:
        folder = PurePosixPath(self._settings.folder)
        ssh = _asyncssh()
        part, target = str(folder / f"{file.name}.part"), str(folder / file.name)
        async with sftp.open(part, "wb") as out:
            await out.write(file.content)
            with suppress(ssh.SFTPOpUnsupported):  # an extension of OpenSSH
                await out.fsync()
        await sftp.posix_rename(part, target)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator["asyncssh.SFTPClient"]:
        """Everything inside is bounded by the time-out, and what asyncssh raises is translated."""
        ssh = _asyncssh()
        settings = self._settings
        try:
            async with asyncio.timeout(settings.timeout_s), AsyncExitStack() as stack:
                connection = await stack.enter_async_context(
                    ssh.connect(
                        settings.host,
                        settings.port,
                        username=settings.user,
                        known_hosts=None
                        if settings.known_hosts is None
                        else str(settings.known_hosts),
                        client_keys=[str(settings.key_file)] if settings.key_file else None,
                        password=settings.password,
                        config=None,
                        agent_path=None,
                    )
                )
                yield await stack.enter_async_context(connection.start_sftp_client())
        except (TimeoutError, OSError, ssh.Error, ssh.KeyImportError) as exc:
            raise self._error(ssh, exc) from exc

    def _error(self, ssh: Any, exc: Exception) -> ExportError:
        match exc:
            case ssh.HostKeyNotVerifiable():
                what, code = "its host key is not the known one", "host_key_refused"
                remedy = (
                    "If the server is new, compare its fingerprint with its operator, then write "
                    "its line into known_hosts (ssh-keyscan); else somebody is in between"
                )
            case ssh.PermissionDenied():
                what, code = "user, key or password is refused", "credentials_refused"
                remedy = "Check user and key_file or password_file"
            case ssh.KeyImportError():
                what, code = f"the key file cannot be used ({exc})", "credentials_refused"
                remedy = "Check key_file: a private key without passphrase, readable by the agent"
            case ssh.SFTPConnectionLost() | ssh.SFTPNoConnection():
                return self._lost(exc)
            case FileNotFoundError() | PermissionError():
                what, code = f"a file of this machine cannot be read ({exc})", "secret_unreadable"
                remedy = "Check key_file and known_hosts"
            case ssh.SFTPError():
                what, code = f"the folder refuses ({exc.reason})", "folder_refused"
                remedy = f"Check {self._settings.folder} and its rights and space over there"
            case _:
                return self._lost(exc)
        return ExportRefusedError(what, where=self._where, remedy=remedy, code=code)

    def _lost(self, exc: Exception) -> ExportUnreachableError:
        return ExportUnreachableError(
            f"cannot be reached ({str(exc) or type(exc).__name__})",
            where=self._where,
            remedy="It is tried again by itself; if it repeats, check network and address",
            code="export_unreachable",
        )


def _asyncssh() -> Any:
    """Raises ExportRefusedError where the extra is not installed."""
    try:
        import asyncssh  # noqa: PLC0415 - an extra, and 20 MiB that only this export needs
    except ImportError as exc:
        raise ExportRefusedError(
            "the extra for SFTP is not installed",
            where="sftp",
            remedy="pip install 'clockline[sftp]' into the agent's venv",
            code="extra_missing",
        ) from exc
    return asyncssh
