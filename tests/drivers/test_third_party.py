"""Shapes of no class of ours become our types and errors; what does not fit says so."""

from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from drivers.contract import Delivery, DeviceConfig, Identity, LogCount, Manifest, Mode
from drivers.errors import BlockedError, DriverError, LinkDownError
from drivers.third_party import MisshapenError, adopted
from protocols.records import Punch
from tests.drivers.zk_site import CONTEXT

PUNCH = Punch(
    serial="A1", user_id="7", device_time=datetime(2026, 11, 22, 8), state=0, verify=1, raw=b"x"
)


class OwnKeys(BaseModel):
    host: str
    port: int = 99


def manifest(**changes: Any) -> SimpleNamespace:
    fields = {
        "kind": "acme",
        "title": "Acme",
        "makes": ["Acme"],
        "mode": "asked",
        "capabilities": ["count"],
        "simulator": "acme.simulator",
        "config": OwnKeys,
    }
    return SimpleNamespace(**fields | changes)


@dataclass
class Page:
    serial: str = "A1"
    records: list[Any] = field(default_factory=lambda: [PUNCH])
    cursor: bytes | None = b"1"


class AcmeError(Exception):
    what = "the lamp is red"
    remedy = "Push the button"
    code = "red_lamp"

    def __init__(self, *, blocked: bool = False) -> None:
        super().__init__()
        self.blocked = blocked


class Acme:
    manifest = manifest()
    page: Any = Page()
    error: Exception | None = None
    closed = 0

    def __init__(self, config, context) -> None:
        self.config = config

    async def identity(self):
        if self.error:
            raise self.error
        return SimpleNamespace(serial="A1", facts={"host": self.config.host})

    async def count(self):
        return SimpleNamespace(records=1)

    async def fetch(self, cursor):
        try:
            yield self.page
            if self.error:
                raise self.error
        finally:
            type(self).closed += 1

    async def live(self):
        raise AcmeError(blocked=True)
        yield

    async def acknowledge(self, delivery):
        self.acknowledged = delivery

    async def aclose(self):
        if self.error:
            raise self.error


def make(**attributes: Any):
    foreign = type("AcmeDriver", (Acme,), attributes)
    kind = adopted(foreign)
    config = kind.manifest.config.model_validate({"name": "gate", "kind": "acme", "host": "h"})
    return kind(config, CONTEXT)


def test_the_manifest_becomes_ours() -> None:
    assert isinstance(adopted(Acme).manifest, Manifest)
    assert adopted(Acme).manifest.mode is Mode.ASKED
    assert adopted(Acme).manifest.makes == ("Acme",)


def test_the_config_has_its_keys_and_every_devices() -> None:
    model = adopted(Acme).manifest.config
    config = model.model_validate({"name": "gate", "kind": "acme", "host": "h", "poll_s": 5})
    assert isinstance(config, DeviceConfig)
    assert isinstance(config, OwnKeys)
    assert (config.name, config.host, config.port, config.poll_s) == ("gate", "h", 99, 5)
    for wrong in ({"colour": "red"}, {"host": 5}):
        with pytest.raises(ValidationError):
            model.model_validate({"name": "gate", "kind": "acme", "host": "h"} | wrong)
    with pytest.raises(ValidationError, match="frozen"):
        config.host = "other"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"mode": "sometimes"}, "sometimes"),
        ({"capabilities": ["teleport"]}, "teleport"),
        ({"config": dict}, "pydantic"),
        ({"makes": None}, "NoneType"),
    ],
)
def test_a_manifest_that_does_not_fit_says_what(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(MisshapenError, match=told):
        adopted(type("Broken", (Acme,), {"manifest": manifest(**changes)}))


def test_a_manifest_that_lacks_something_names_it() -> None:
    lacking = manifest()
    del lacking.title
    with pytest.raises(MisshapenError, match="title"):
        adopted(type("Broken", (Acme,), {"manifest": lacking}))


async def test_what_it_hands_over_becomes_ours_and_the_records_stay_the_same() -> None:
    driver = make()
    assert await driver.identity() == Identity(serial="A1", facts={"host": "h"})
    assert await driver.count() == LogCount(records=1)
    (delivery,) = [page async for page in driver.fetch(None)]
    assert delivery == Delivery(serial="A1", records=[PUNCH], cursor=b"1")
    assert delivery.records[0] is PUNCH
    await driver.acknowledge(delivery)
    assert driver._driver.acknowledged is delivery


@pytest.mark.parametrize(
    "page", [Page(serial=5), Page(records=["punch"]), Page(cursor="1"), None], ids=repr
)
async def test_a_page_that_does_not_fit_blocks_with_its_place(page: Any) -> None:
    with pytest.raises(BlockedError, match="does not fit the contract") as caught:
        [page async for page in make(page=page).fetch(None)]
    assert caught.value.code == "driver_misshapen"


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (AcmeError(), LinkDownError, "red_lamp"),
        (AcmeError(blocked=True), BlockedError, "red_lamp"),
        (ConnectionResetError("reset"), LinkDownError, "link_lost"),
        (TimeoutError(), LinkDownError, "link_lost"),
        (EOFError(), LinkDownError, "link_lost"),
    ],
)
async def test_its_errors_become_ours(
    raised: Exception, kind: type[DriverError], code: str
) -> None:
    driver = make(error=raised)
    with pytest.raises(DriverError) as caught:
        await driver.identity()
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.where) == (code, "gate (acme)")
    assert caught.value.remedy
    with pytest.raises(kind):
        [page async for page in driver.fetch(None)]


async def test_a_bug_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        await make(error=ZeroDivisionError()).identity()


async def test_our_own_errors_pass_untouched() -> None:
    ours = BlockedError("x", where="here", remedy="do", code="own")
    with pytest.raises(BlockedError) as caught:
        await make(error=ours).identity()
    assert caught.value is ours


async def test_leaving_a_fetch_early_runs_its_clean_up() -> None:
    driver = make()
    pages = driver.fetch(None)
    await anext(pages)
    assert type(driver._driver).closed == 0
    await pages.aclose()
    assert type(driver._driver).closed == 1


async def test_closing_never_raises_and_the_log_says_why(capsys) -> None:
    await make(error=ZeroDivisionError()).aclose()
    assert "third_party_close_failed" in capsys.readouterr().out
