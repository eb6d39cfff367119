"""When a batch goes in columns, and what happens when a core will not have it so."""

import pytest

from hr_core.api.page_judge import PageJudge
from hr_core.store.events import count_events
from protocols.column_batch import COLUMNS_TYPE
from sync.errors import CoreBusyError, CoreRefusedError, FormRefusedError
from tests.hr_core.api.running_core import core_app, serving
from tests.hr_core.ingest.batch_samples import count, observe, punch
from tests.hr_core.signed_batches import enrol
from tests.sync.test_uplink import ScriptedCore
from tests.sync.uplink_doubles import ListOutbox, http_to, uplink_over


class ColumnsCore(ScriptedCore):
    takes = frozenset({COLUMNS_TYPE})

    def forms(self):
        return [sealed.content_type for sealed in self.sealed]

    async def send(self, sealed):
        self.sealed = [*getattr(self, "sealed", []), sealed]
        return await super().send(sealed)


def punches(size):
    return ListOutbox(observe(punch(n)) for n in range(size))


def refusal():
    return FormRefusedError("HTTP 415", where="core", remedy="-", code="batch_refused")


async def test_a_backlog_goes_in_columns_and_a_few_punches_do_not():
    core = ColumnsCore()
    await uplink_over(punches(230), core, batch_records=100).drain_once()
    assert core.forms() == [COLUMNS_TYPE, COLUMNS_TYPE, "application/json"]


async def test_counts_go_in_json():
    core = ColumnsCore()
    outbox = ListOutbox([observe(count(n)) for n in range(150)])
    await uplink_over(outbox, core, batch_records=200).drain_once()
    assert core.forms() == ["application/json"]


async def test_a_core_that_does_not_offer_columns_gets_none():
    core = ColumnsCore()
    core.takes = frozenset()
    await uplink_over(punches(100), core).drain_once()
    assert core.forms() == ["application/json"]


async def test_a_refused_form_is_sent_in_json_at_once_and_remembered():
    core = ColumnsCore(refusal())
    uplink = uplink_over(punches(200), core, batch_records=100)
    assert await uplink.drain_once() == 200
    assert core.forms() == [COLUMNS_TYPE, "application/json", "application/json"]
    heads = [sealed.signed.head for sealed in core.sealed[:2]]
    assert heads[0].records_root == heads[1].records_root
    assert heads[0].number == heads[1].number


async def test_a_refusal_of_json_too_is_a_failure():
    core = ColumnsCore(refusal(), CoreRefusedError("no", where="c", remedy="-", code="x"))
    with pytest.raises(CoreRefusedError, match="no"):
        await uplink_over(punches(100), core).drain_once()


async def test_verdicts_that_do_not_come_are_asked_for_later(engine, monkeypatch):
    """The batch is at the core; the next attempt finds it there."""
    enrol(engine)
    outbox, slept = punches(120), []

    async def sleep(seconds):
        slept.append(seconds)

    async with serving(core_app(engine)) as url, http_to(url) as transport:
        monkeypatch.setattr(transport, "_sleep", sleep)
        uplink = uplink_over(outbox, transport, batch_records=120)
        with monkeypatch.context() as idle:
            idle.setattr(PageJudge, "kick", lambda _judge: None)
            with pytest.raises(CoreBusyError) as caught:
                await uplink.drain_once()
        assert caught.value.code == "core_judging"
        assert len(slept) == 5
        assert outbox.settled == []
        assert await uplink.drain_once() == 120
    with engine.connect() as conn:
        assert count_events(conn)["punch"] == uplink.state.accepted == 120


async def test_a_batch_that_the_core_lost_before_it_was_judged_is_sent_again(engine, monkeypatch):
    enrol(engine)
    outbox = punches(120)
    async with serving(core_app(engine)) as url, http_to(url) as transport:
        uplink = uplink_over(outbox, transport, batch_records=120)
        with monkeypatch.context() as forgetful:
            forgetful.setattr("hr_core.api.batches.page_of", lambda *_: None)
            with pytest.raises(CoreBusyError, match="no answer"):
                await uplink.drain_once()
        assert await uplink.drain_once() == 120
    assert uplink.state.accepted == 120
