"""From a site file to a SiteConfig, or to all of its mistakes at once."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from drivers.catalog import BrokenDriverError, known_kinds, load_driver
from drivers.contract import DeviceConfig
from edge_agent.config.exports import EXPORT_KINDS, AnyExport, secret_problem
from edge_agent.config.models import (
    GatewaySection,
    SiteConfig,
    SiteDevice,
    SiteSection,
    SpoolSection,
    UplinkSection,
)
from edge_agent.config.places import read_text, systemd_runtime_dir
from edge_agent.config.problems import (
    Complaint,
    ConfigError,
    ConfigProblem,
    WrongValueError,
    from_validation,
    key_text,
    unknown_key,
)
from edge_agent.config.section import known_zone
from edge_agent.config.suggestion import did_you_mean
from edge_agent.config.toml_lines import KeyPath, key_lines, line_of

_RETIRED = frozenset({"token", "token_file"})
_NO_TOKENS = "no token stands in the site file any more: this gateway signs with a key of its own"
_ENROL = "Delete this line, then: edge-agent enroll TOKEN, with what hr-core token prints"
_TLS_FILES = ("ca_file", "client_cert", "client_key")
_TABLES = ("site", "gateway", "spool", "uplink", "device", "export")
# Python 3.11 tells the place of a syntax error only inside its message.
_SYNTAX_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def load_config(path: Path) -> SiteConfig:
    """Reads and judges the site file. Raises ConfigError with every problem, CommandError when the
    file cannot be read at all.
    """
    text = read_text(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(path, (_syntax_problem(path, text, str(exc)),)) from exc
    reader = _Reader(document, path.absolute().parent)
    config = reader.site_config(path)
    if config is None or reader.complaints:
        lines = key_lines(text)
        problems = [_placed(path, lines, complaint) for complaint in reader.complaints]
        raise ConfigError(path, tuple(sorted(problems, key=lambda problem: problem.line)))
    return config


def _syntax_problem(path: Path, text: str, message: str) -> ConfigProblem:
    place = _SYNTAX_PLACE.search(message)
    line, column = (
        (int(place[1]), int(place[2]))
        if place and place[1]
        else (text.count("\n", 0, len(text.rstrip())) + 1, None)
    )
    what = _SYNTAX_PLACE.sub("", message)
    return ConfigProblem(
        file=str(path),
        line=line,
        column=column,
        key="",
        what=f"not valid TOML: {what[:1].lower()}{what[1:]}",
        remedy="Text values need quotes; tables look like [site] and [[device]]",
    )


def _placed(path: Path, lines: Mapping[KeyPath, int], complaint: Complaint) -> ConfigProblem:
    return ConfigProblem(
        file=str(path),
        line=line_of(lines, complaint.path),
        key=key_text(complaint.path),
        what=complaint.what,
        remedy=complaint.remedy,
    )


_Model = TypeVar("_Model", bound=BaseModel)


class _Reader:
    """One pass over a document. Keeps going after a mistake so that all are told at once."""

    def __init__(self, document: dict[str, Any], base: Path) -> None:
        self._document = document
        self._base = base
        self._named: dict[str, dict[str, KeyPath]] = {"device": {}, "export": {}}
        self.complaints: list[Complaint] = []

    def site_config(self, path: Path) -> SiteConfig | None:
        self.complaints += [
            unknown_key((key,), _TABLES) for key in self._document if key not in _TABLES
        ]
        site = self._section("site", SiteSection, 'Add [site] with name = "…" and zone = "…"')
        gateway = self._section("gateway", GatewaySection, 'Add [gateway] with name = "gw-01"')
        uplink = self._uplink()
        spool: SpoolSection | None = SpoolSection()
        if "spool" in self._document:
            spool = self._section("spool", SpoolSection, "Write it as [spool]")
        devices = self._devices(site.zone if site else None)
        exports = self._exports()
        if site is None or gateway is None or spool is None:
            return None
        return SiteConfig(
            path=path,
            site=site,
            gateway=self._absolute(gateway),
            spool=spool,
            uplink=uplink,
            devices=tuple(devices),
            exports=tuple(exports),
        )

    def _section(self, key: str, model: type[_Model], remedy: str) -> _Model | None:
        table = self._document.get(key)
        if not isinstance(table, dict):
            what = "is missing" if table is None else "must be one table"
            self.complaints.append(Complaint((key,), what, remedy))
            return None
        return self._validated((key,), model, table)

    def _validated(
        self,
        path: KeyPath,
        model: type[_Model],
        table: dict[str, Any],
    ) -> _Model | None:
        try:
            return model.model_validate(table)
        except ValidationError as exc:
            self.complaints += from_validation(path, exc, model)
            return None

    def _absolute(self, gateway: GatewaySection) -> GatewaySection:
        runtime_dir = gateway.runtime_dir or systemd_runtime_dir() or gateway.state_dir
        return gateway.model_copy(
            update={
                "state_dir": self._base / gateway.state_dir,
                "runtime_dir": self._base / runtime_dir,
            }
        )

    def _uplink(self) -> UplinkSection | None:
        table = self._document.get("uplink")
        if table is None:
            return None
        if isinstance(table, dict):
            for key in _RETIRED & table.keys():
                self.complaints.append(Complaint(("uplink", key), _NO_TOKENS, _ENROL))
            self._document["uplink"] = {
                key: value for key, value in table.items() if key not in _RETIRED
            }
        uplink = self._section("uplink", UplinkSection, "Write it as [uplink]")
        if uplink is None:
            return None
        files = {
            key: self._base / file
            for key in _TLS_FILES
            if isinstance(file := getattr(uplink, key), Path)
        }
        for key, file in files.items():
            self._complain_unreadable(key, file)
        return self._with_usable_broker(uplink.model_copy(update=files))

    def _with_usable_broker(self, uplink: UplinkSection) -> UplinkSection:
        if uplink.broker is None:
            return uplink
        broker = uplink.broker.below(self._base)
        try:
            broker.read_password()
        except (OSError, UnicodeDecodeError) as exc:
            what = f"{broker.password_file} cannot be used ({exc})"
            remedy = "One line of text, readable by the agent's user (docs/mqtt.md)"
            self.complaints.append(Complaint(("uplink", "broker", "password_file"), what, remedy))
        return uplink.model_copy(update={"broker": broker})

    def _complain_unreadable(self, key: str, file: Path) -> None:
        try:
            with file.open("rb"):
                return
        except OSError as exc:
            what = f"{file} cannot be read ({exc.strerror})"
        remedy = "Name a PEM file that the agent's user may read"
        self.complaints.append(Complaint(("uplink", key), what, remedy))

    def _tables(self, key: str) -> list[dict[str, Any]]:
        tables = self._document.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            remedy = f"Write [[{key}]], not [{key}]"
            self.complaints.append(Complaint((key,), "must be a list of tables", remedy))
            return []
        return tables

    def _devices(self, zone: str | None) -> list[SiteDevice]:
        read = [
            self._device(("device", index), table, zone)
            for index, table in enumerate(self._tables("device"))
        ]
        return [device for device in read if device is not None]

    def _exports(self) -> list[AnyExport]:
        read = [
            self._export(("export", index), table)
            for index, table in enumerate(self._tables("export"))
        ]
        return [export for export in read if export is not None]

    def _export(self, path: KeyPath, table: dict[str, Any]) -> AnyExport | None:
        self._complain_double_name(path, table)
        kind = table.get("kind")
        model = EXPORT_KINDS.get(kind) if isinstance(kind, str) else None
        if model is None:
            self._complain_kind(path, kind, tuple(EXPORT_KINDS))
            return None
        export = self._validated(path, model, table)
        if export is None:
            return None
        for index, name in enumerate(export.devices):
            if name not in self._named["device"]:
                what = f'there is no device "{name}"{did_you_mean(name, self._named["device"])}'
                remedy = "Name [[device]] tables of this file"
                self.complaints.append(Complaint((*path, "devices", index), what, remedy))
        return self._with_files(path, export)

    def _with_files(self, path: KeyPath, export: AnyExport) -> AnyExport:
        """With absolute paths, and a complaint for each file that cannot serve."""
        keys = (*export.secret_keys, *export.file_keys, *export.folder_keys)
        named = {key: value for key in keys if (value := getattr(export, key)) is not None}
        export = export.model_copy(update={key: self._base / value for key, value in named.items()})
        for key in named:
            file: Path = getattr(export, key)
            if key in export.secret_keys:
                problem = secret_problem(file)
            elif key in export.file_keys and not file.is_file():
                problem = (f"{file} is no file that can be read", "Check the path and its rights")
            else:
                problem = None
            if problem is not None:
                self.complaints.append(Complaint((*path, key), *problem))
        return export

    def _device(
        self, path: KeyPath, table: dict[str, Any], site_zone: str | None
    ) -> SiteDevice | None:
        self._complain_double_name(path, table)
        zone = self._device_zone(path, table, site_zone)
        model = self._model_of(path, table)
        if model is None:
            return None
        own = {key: value for key, value in table.items() if key != "zone"}
        config = self._validated(path, model, own)
        if config is None or zone is None:
            return None
        return SiteDevice(config=config, zone=zone)

    def _model_of(self, path: KeyPath, table: dict[str, Any]) -> type[DeviceConfig] | None:
        kind = table.get("kind")
        kinds = known_kinds()
        if kind in kinds:
            return self._load_model((*path, "kind"), kind)
        self._complain_kind(path, kind, kinds)
        return None

    def _complain_kind(self, path: KeyPath, kind: object, kinds: Sequence[str]) -> None:
        what = "is missing"
        if kind is not None:
            what = f'unknown kind "{kind}"{did_you_mean(str(kind), kinds)}'
        known = f"Known kinds: {', '.join(kinds)}"
        self.complaints.append(Complaint((*path, "kind"), what, known))

    def _load_model(self, path: KeyPath, kind: str) -> type[DeviceConfig] | None:
        try:
            return load_driver(kind).manifest.config
        except BrokenDriverError as exc:
            what = f"the driver {exc.source} cannot be used"
            self.complaints.append(Complaint(path, what, "Correct or remove its package"))
            return None

    def _complain_double_name(self, path: KeyPath, table: dict[str, Any]) -> None:
        name = table.get("name")
        if not isinstance(name, str):
            return  # its model says so
        table_kind = str(path[0])
        named = self._named[table_kind]
        if name in named:
            self.complaints.append(
                Complaint(
                    (*path, "name"),
                    f'the name "{name}" is taken by {key_text(named[name])}',
                    f"Give each {table_kind} its own name",
                )
            )
        named.setdefault(name, path)

    def _device_zone(
        self, path: KeyPath, table: dict[str, Any], site_zone: str | None
    ) -> str | None:
        if "zone" not in table:
            return site_zone
        try:
            return known_zone(str(table["zone"]))
        except WrongValueError as exc:
            self.complaints.append(Complaint((*path, "zone"), exc.what, exc.remedy))
            return None
