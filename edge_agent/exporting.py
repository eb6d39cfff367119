"""From an [[export]] table to a running export: its exporter, its loop, and what outlives its faults."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import structlog
from typing_extensions import override

from drivers.ports import Clock
from edge_agent.config.exports import (
    AnyExport,
    CsvExport,
    FileExportSection,
    FrappeExport,
    OdooExport,
    SftpExport,
    WebhookExport,
)
from edge_agent.config.models import SiteConfig
from edge_agent.spool.store import Spool, SpoolError
from protocols.records import Direction
from sync.export_loop import ExportLoop, ExportSettings
from sync.exporters.contract import ExportBatch, Exporter, Judge, Selection, Sense
from sync.exporters.errors import ExportRefusedError

STORAGE_RETRY_S = 10.0  # as the uplink: a full disk or a pulled card is looked at again this often

T = TypeVar("T")
log = structlog.get_logger()


class LateExporter(Exporter):
    """Makes its exporter at the first use and anew after a refusal: files with secrets are read
    then, so that a bad one costs this export alone, and a mended one needs no restart.
    """

    def __init__(self, make: Callable[[], Exporter], *, where: str) -> None:
        self._make = make
        self._where = where
        self._made: Exporter | None = None

    @override
    async def deliver(self, batch: ExportBatch, judge: Judge) -> None:
        try:
            await self._exporter().deliver(batch, judge)
        except ExportRefusedError:
            await self.aclose()
            raise

    @override
    async def check(self) -> str:
        return await self._exporter().check()

    @override
    def preview(self, batch: ExportBatch) -> Sequence[str]:
        return self._exporter().preview(batch)

    @override
    async def aclose(self) -> None:
        if self._made is not None:
            made, self._made = self._made, None
            await made.aclose()

    def _exporter(self) -> Exporter:
        if self._made is None:
            try:
                self._made = self._make()
            except (OSError, UnicodeDecodeError) as exc:
                raise ExportRefusedError(
                    f"its secret cannot be read ({exc})",
                    where=self._where,
                    remedy="edge-agent config check names the file and what to do",
                    code="secret_unreadable",
                ) from exc
        return self._made


class Export:
    """One export while the agent runs."""

    def __init__(self, config: AnyExport, loop: ExportLoop, spool: Spool, clock: Clock) -> None:
        self.config = config
        self._loop = loop
        self._spool = spool
        self._clock = clock

    async def keep(self) -> None:
        """Runs until cancelled. Neither storage nor a fault of the exporter ends anything else."""
        try:
            while True:
                await self._clock.sleep(await self._run())
        finally:
            await self._loop.aclose()

    def facts(self) -> dict[str, Any]:
        """For the snapshot."""
        state: dict[str, Any] = msgspec.to_builtins(self._loop.state)
        return {"name": self.config.name, "kind": self.config.kind, **state}

    async def _run(self) -> float:
        """Returns how long to wait before it runs again."""
        name = self.config.name
        try:
            await self._spool.start_sink(name, self.config.start)
            await self._loop.run()
        except SpoolError as error:
            log.error("export_paused", export=name, what=error.what, remedy=error.remedy)
            return STORAGE_RETRY_S
        except Exception as exc:
            # Whatever an exporter falls over must cost that export alone.
            log.exception("export_bug", export=name)
            return self._loop.note_bug(exc)
        return STORAGE_RETRY_S


def open_export(  # noqa: PLR0913 - the parts of the agent that an export needs, by name
    config: AnyExport,
    site: SiteConfig,
    spool: Spool,
    *,
    clock: Clock,
    random: Callable[[], float],
    clock_trusted: Callable[[], bool],
    idle_s: float,
) -> Export:
    settings = ExportSettings(
        sink=config.name,
        gateway=site.gateway.name,
        site=site.site.name,
        batch_records=config.batch_records,
        hold=timedelta(days=config.hold_days),
        selection=selection_of(config),
        idle_s=idle_s,
        pause_s=config.every_s if isinstance(config, FileExportSection) else 0.0,
    )
    loop = ExportLoop(
        spool,
        make_exporter(config, clock=clock),
        settings,
        clock=clock,
        random=random,
        clock_trusted=clock_trusted,
    )
    return Export(config, loop, spool, clock)


def make_exporter(config: AnyExport, *, clock: Clock) -> Exporter:
    """Reads no file and asks nobody before it is used."""
    make: Callable[[], Exporter]
    match config:
        case WebhookExport():
            make = _later(_webhook, config, clock)
        case FrappeExport():
            make = _later(_frappe, config, clock)
        case OdooExport():
            make = _later(_odoo, config, clock)
        case CsvExport():
            make = _later(_csv, config, clock)
        case SftpExport():
            make = _later(_sftp, config, clock)
    return LateExporter(make, where=f"export {config.name}")


def _later(make: Callable[[T, Clock], Exporter], config: T, clock: Clock) -> Callable[[], Exporter]:
    return lambda: make(config, clock)


def selection_of(config: AnyExport) -> Selection:
    return Selection(
        kinds=frozenset(config.records if isinstance(config, WebhookExport) else ("punch",)),
        devices=frozenset(config.devices),
        senses=senses_of(config),
    )


def senses_of(config: AnyExport) -> dict[Direction, Sense]:
    told = config.direction.model_dump(by_alias=True)
    return {Direction(word): Sense(sense) for word, sense in told.items()}


# Each imports its exporter here: httpx costs 10 MiB, asyncssh 20, and most gateways use one or none.
def _webhook(config: WebhookExport, clock: Clock) -> Exporter:
    from sync.exporters.webhook import WebhookExporter, WebhookSettings  # noqa: PLC0415

    settings = WebhookSettings(
        url=config.url,
        secret=config.secret("secret_file").encode(),
        timeout_s=config.timeout_s,
        with_card=config.with_card,
        with_raw=config.with_raw,
        senses=senses_of(config),
    )
    return WebhookExporter(settings, clock=clock)


def _frappe(config: FrappeExport, _: Clock) -> Exporter:
    from sync.exporters.frappe import FrappeExporter, FrappeSettings  # noqa: PLC0415

    settings = FrappeSettings(
        url=config.url,
        key=config.secret("key_file"),
        app=config.app,
        employee_field=config.employee_field,
        unknown_employee=config.unknown_employee,
        device_id=config.device_id,
        zone=config.zone,
        concurrency=config.concurrency,
        skip_auto_attendance=config.skip_auto_attendance,
        send_wrong_times=config.send_wrong_times,
        timeout_s=config.timeout_s,
        senses=senses_of(config),
    )
    return FrappeExporter(settings)


def _odoo(config: OdooExport, clock: Clock) -> Exporter:
    from sync.exporters.odoo import OdooExporter, OdooSettings  # noqa: PLC0415
    from sync.exporters.odoo_rpc import OdooLogin  # noqa: PLC0415

    login = OdooLogin(
        url=config.url,
        database=config.database,
        user=config.user,
        key=config.secret("key_file"),
        timeout_s=config.timeout_s,
    )
    settings = OdooSettings(
        login=login,
        match=config.match,
        unknown_employee=config.unknown_employee,
        longest=timedelta(hours=config.longest_shift_h),
        patience=timedelta(hours=config.patience_h),
        send_wrong_times=config.send_wrong_times,
        senses=senses_of(config),
    )
    return OdooExporter(settings, clock=clock)


def _csv(config: CsvExport, _: Clock) -> Exporter:
    from sync.exporters.csv_drop import CsvExporter  # noqa: PLC0415
    from sync.exporters.csv_form import CsvForm  # noqa: PLC0415

    form = CsvForm(**_form_fields(config))
    return CsvExporter(config.folder, form)


def _sftp(config: SftpExport, _: Clock) -> Exporter:
    from sync.exporters.csv_form import CsvForm  # noqa: PLC0415
    from sync.exporters.sftp_drop import SftpExporter, SftpSettings  # noqa: PLC0415

    settings = SftpSettings(
        host=config.host,
        port=config.port,
        user=config.user,
        folder=config.folder,
        known_hosts=config.known_hosts if config.check_host_key else None,
        key_file=config.key_file,
        password=None if config.password_file is None else config.secret("password_file"),
        timeout_s=config.timeout_s,
    )
    return SftpExporter(settings, CsvForm(**_form_fields(config)))


def _form_fields(config: FileExportSection) -> dict[str, Any]:
    return {
        "encoding": config.encoding,
        "delimiter": config.delimiter,
        "with_card": config.with_card,
        "with_raw": config.with_raw,
        "senses": {
            Direction(word): Sense(sense)
            for word, sense in config.direction.model_dump(by_alias=True).items()
        },
    }
