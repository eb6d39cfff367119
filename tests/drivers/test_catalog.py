import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from drivers import catalog
from drivers.catalog import BrokenDriverError, UnknownKindError, known_kinds, load_driver
from drivers.contract import Manifest
from drivers.zk_pull import ZkPullDriver


@pytest.fixture
def installed(monkeypatch):
    """Installs third-party drivers: entry point name -> value."""

    def install(**points: str) -> None:
        entries = [
            EntryPoint(name.replace("_", "-"), value, catalog.ENTRY_POINT_GROUP)
            for name, value in points.items()
        ]
        monkeypatch.setattr(catalog, "entry_points", lambda *, group: entries)

    return install


def test_built_in_drivers_load_by_kind() -> None:
    assert load_driver("zk-pull") is ZkPullDriver
    for kind in catalog.built_in_kinds():
        assert load_driver(kind).manifest.kind == kind


def test_an_unknown_kind_lists_the_known(installed) -> None:
    installed(acme="acme:Driver")
    with pytest.raises(UnknownKindError) as caught:
        load_driver("zk-pul")
    assert caught.value.known == known_kinds()
    assert known_kinds()[-1] == "acme"
    for kind in ("zk-pul'", "zk-pull", "modbus-counter", "rdm6300", "acme"):
        assert kind in str(caught.value)


class ThirdParty:
    """A driver that imports nothing of ours but what it needs to describe itself."""

    manifest = ZkPullDriver.manifest

    async def identity(self): ...
    async def count(self): ...
    def fetch(self, cursor): ...
    def live(self): ...
    async def acknowledge(self, delivery): ...
    async def aclose(self): ...


def named(kind: str) -> Manifest:
    manifest = ZkPullDriver.manifest
    return Manifest(
        kind=kind,
        title=manifest.title,
        makes=("Acme",),
        mode=manifest.mode,
        capabilities=frozenset(),
        simulator="acme",
        config=manifest.config,
    )


class AcmeDriver(ThirdParty):
    manifest = named("acme")


def test_a_third_party_joins_by_entry_point(installed) -> None:
    installed(acme=f"{__name__}:AcmeDriver")
    assert load_driver("acme").manifest is AcmeDriver.manifest
    assert load_driver("acme") is load_driver("acme")


def test_a_third_party_cannot_replace_one_of_ours(installed) -> None:
    installed(zk_pull=f"{__name__}:ThirdParty")
    assert load_driver("zk-pull") is ZkPullDriver
    assert known_kinds().count("zk-pull") == 1


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no_such_module_anywhere:Driver", "fails on import"),
        (f"{__name__}:Missing", "fails on import"),
        (f"{__name__}:named", "lacks manifest"),
        (f"{__name__}:ThirdParty", "calls itself 'zk-pull'"),
    ],
)
def test_a_broken_third_party_names_its_entry_point(installed, value: str, problem: str) -> None:
    installed(acme=value)
    with pytest.raises(BrokenDriverError, match=problem) as caught:
        load_driver("acme")
    assert caught.value.source == value
    assert value in str(caught.value)


def test_the_catalog_imports_no_driver_until_asked() -> None:
    script = (
        "import sys, drivers.catalog as c; c.known_kinds();"
        "assert not [m for m in sys.modules if m.startswith(('drivers.zk_pull', 'serial'))];"
        "c.load_driver('zk-pull'); assert 'drivers.zk_pull' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)
