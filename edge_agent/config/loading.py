"""From a site file to a SiteConfig, or to all of its mistakes at once."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from drivers.catalog import BrokenDriverError, known_kinds, load_driver
from drivers.contract import DeviceConfig
from edge_agent.config.broker import tls_context
from edge_agent.config.exports import EXPORT_KINDS, AnyExport, secret_problem
from edge_agent.config.models import (
    GatewaySection,
    SiteConfig,
    SiteDevice,
    SiteSection,
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

_TABLES = ("site", "gateway", "uplink", "device", "export")
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
        uplink = None
        if "uplink" in self._document:
            uplink = self._section("uplink", UplinkSection, "Write it as [uplink]")
        devices = self._devices(site.zone if site else None)
        if uplink is not None:
            uplink = self._with_usable_broker(self._with_readable_token(uplink))
        exports = self._exports()
        if site is None or gateway is None:
            return None
        return SiteConfig(
            path=path,
            site=site,
            gateway=self._absolute(gateway),
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

    def _with_readable_token(self, uplink: UplinkSection) -> UplinkSection:
        if uplink.token_file is None:
            return uplink
        uplink = uplink.model_copy(update={"token_file": self._base / uplink.token_file})
        try:
            empty = not uplink.read_token()
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8 text"
            self._complain_token(f"{uplink.token_file} cannot be read ({reason})")
        else:
            if empty:
                self._complain_token(f"{uplink.token_file} is empty")
        return uplink

    def _with_usable_broker(self, uplink: UplinkSection) -> UplinkSection:
        if uplink.broker is None:
            return uplink
        broker = uplink.broker.below(self._base)
        remedy = "Readable by the agent's user, as text; docs/mqtt.md tells how they are made"
        key, path = "password_file", broker.password_file
        try:
            broker.read_password()
            key, path = "certificate_file", broker.certificate_file
            tls_context(broker)
        except (OSError, UnicodeDecodeError) as exc:
            what = f"{path} cannot be used ({exc})"
            self.complaints.append(Complaint(("uplink", "broker", key), what, remedy))
        return uplink.model_copy(update={"broker": broker})

    def _complain_token(self, what: str) -> None:
        remedy = "Put the token that the core gave you into it, readable by the agent's user"
        self.complaints.append(Complaint(("uplink", "token_file"), what, remedy))

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
