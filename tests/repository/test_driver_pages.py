"""The technicians' pages know every error code and every key that a driver has."""

import re
from pathlib import Path

import pytest

from drivers.catalog import built_in_kinds, load_driver
from drivers.links import serial_port
from drivers.quality_scale import quality_scale
from drivers.zk_pull import translation
from edge_agent.config.loading import load_config
from edge_agent.driver_check.checking import simulator
from edge_agent.driver_check.config_keys import config_keys
from edge_agent.driver_check.conformance import CONFORMANCE
from edge_agent.driver_check.shape import SHAPE

SOURCES = {
    "zk-pull": ("drivers/zk_pull/*.py", "drivers/links/tcp.py", "drivers/links/udp.py"),
    "modbus-counter": ("drivers/modbus_counter/*.py", "drivers/links/tcp.py"),
    "modbus-rtu": ("drivers/modbus_counter/*.py", "drivers/links/serial_port.py"),
    "pulse-counter": ("drivers/serial_station/*.py", "drivers/links/serial_port.py"),
    "barcode-scanner": ("drivers/serial_station/*.py", "drivers/links/serial_port.py"),
    "opcua-counter": ("drivers/opcua_counter/*.py",),
    "rdm6300": ("drivers/card_reader.py", "drivers/links/serial_port.py"),
    "mqtt-line": ("drivers/mqtt_line/*.py", "drivers/links/mqtt*.py"),
    "sparkplug-host": ("drivers/links/mqtt*.py",),
}
PORT_CODES = {code for code, _ in serial_port._REMEDIES.values()} | {serial_port._OTHER_REMEDY[0]}
_BROKER_CODES = {"link_name", "link_refused", "link_unreachable"}
TABLES = {
    "mqtt-line": _BROKER_CODES,
    "sparkplug-host": _BROKER_CODES,
    "zk-pull": {meaning.code for _, meaning in translation._MEANINGS}
    | {"wrong_serial", "link_closed", "link_cut"},
    "modbus-counter": {f"modbus_exception_{number}" for number in (1, 2, 3, 4, 10)},
    "modbus-rtu": {f"modbus_exception_{number}" for number in (1, 2, 3, 4)} | PORT_CODES,
    "pulse-counter": PORT_CODES,
    "barcode-scanner": PORT_CODES,
    "opcua-counter": set(),
    "rdm6300": PORT_CODES,
}
every_kind = pytest.mark.parametrize("kind", built_in_kinds())


def page_of(kind: str, repository: Path) -> str:
    (page,) = quality_scale().drivers[kind]["documented"].done
    return (repository / page).read_text("utf-8")


def codes_of(kind: str, repository: Path) -> set[str]:
    files = [file for pattern in SOURCES[kind] for file in repository.glob(pattern)]
    literal = re.findall(r'code="(\w+)"', "\n".join(file.read_text("utf-8") for file in files))
    return TABLES[kind] | set(literal)


@every_kind
def test_every_error_code_has_its_row(repository, kind: str) -> None:
    page = page_of(kind, repository)
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    codes = codes_of(kind, repository)
    assert len(codes) > 4
    assert {code for code in codes if f"`{code}`" not in rows} == set()


@every_kind
def test_a_code_in_the_page_exists(repository, kind: str) -> None:
    section = page_of(kind, repository).partition("## Error codes")[2]
    told = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    assert {code for code in told if "exception" not in code} <= codes_of(kind, repository)


@every_kind
def test_every_key_of_the_examples_exists_and_is_accepted(repository, tmp_path, kind: str) -> None:
    page = page_of(kind, repository)
    (example,) = re.findall(r"```toml\n(\[\[device\]\].*?)```", page, re.DOTALL)
    site = tmp_path / "site.toml"
    site.write_text(f'[site]\nname = "s"\nzone = "Asia/Shanghai"\n[gateway]\nname = "g"\n{example}')
    (device,) = load_config(site).devices
    assert device.config.kind == kind
    known = {key.name for key in config_keys(load_driver(kind).manifest.config)}
    keys = re.findall(r"^\| `(\w+)` \|", page.partition("## Error codes")[0], re.MULTILINE)
    assert set(keys) <= known


@every_kind
def test_links_lead_to_files(repository, kind: str) -> None:
    (page,) = quality_scale().drivers[kind]["documented"].done
    for target in re.findall(r"\]\(([^)#]+)\)", (repository / page).read_text("utf-8")):
        assert (repository / page).parent.joinpath(target).is_file(), target


def test_the_authors_page_lists_every_rule_of_the_check(repository) -> None:
    page = (repository / "docs" / "write-a-driver.md").read_text("utf-8")
    listed = re.findall(
        r"^\| `(\w+)` \| (.+) \|$", page.partition("## The conformance suite")[2], re.MULTILINE
    )
    assert listed == [(one.name, one.holds) for one in (*SHAPE, simulator, *CONFORMANCE)]
