"""`hr-core erase`: a person's raw records go, nobody else's do, and every chain still stands."""

import json
from pathlib import Path

import pytest

from hr_core.cli import main
from hr_core.errors import CoreError
from hr_core.ingest.pages import judge_next_page
from hr_core.store.database import writing
from hr_core.store.erasures import erase_user
from hr_core.store.events import event_ids_between
from protocols.batch_chain import FIRST_PREVIOUS
from protocols.identity import event_id
from protocols.uplink import Verdict
from tests.hr_core.ingest.batch_samples import NOW, batch_of, device_event, observe, punch
from tests.hr_core.ingest.test_ingest_columns import store
from tests.hr_core.signed_batches import CORE_KEY, deliver, enrol, ingest
from tests.hr_core.stored_values import is_stored

LIN = [punch(n, user_id="0042", raw=b"the bytes of 0042") for n in (1, 30)]
ELSEWHERE = punch(2, user_id="0042", serial="ZK0002")
REFUSED = device_event(code="access_refused", detail={"user_id": "0042"})
OTHERS = [punch(3, user_id="42"), punch(4), device_event()]


@pytest.fixture
def core(engine):
    enrol(engine)
    deliver(engine, batch_of(*map(observe, [*LIN, ELSEWHERE, REFUSED, *OTHERS])))
    return engine


@pytest.fixture
def run(core, capsys):
    def call(*words):
        url = core.url.render_as_string(hide_password=False)
        code = main([*words, "--db", url])
        return code, capsys.readouterr()

    return call


def here(engine):
    with engine.connect() as conn:
        return set(event_ids_between(conn, bytes(16), b"\xff" * 16, limit=99))


def test_all_of_the_person_goes_and_the_chain_stands(core, run):
    code, told = run("erase", "--user", "0042", "--reason", "request 7", "--json")
    assert (code, json.loads(told.out)["erased"]) == (0, 4)
    assert here(core) == {event_id(record) for record in OTHERS}
    code, told = run("audit", "verify", "--json")
    (report,) = json.loads(told.out)["gateways"]
    assert (code, report["stored"], report["erased"]) == (0, 3, 4)
    files = Path(core.url.database).parent.iterdir()
    assert not any(b"the bytes of 0042" in file.read_bytes() for file in files if file.is_file())
    assert run("erase", "--user", "0042", "--reason", "request 7")[0] == 3


def test_of_one_device_alone(core, run):
    assert run("erase", "--user", "0042", "--device", "ZK0002", "--reason", "another 0042")[0] == 0
    assert here(core) == {event_id(one) for one in [*LIN, REFUSED, *OTHERS]}
    assert run("erase", "--user", "0042", "--device", "ZK0003", "--reason", "none")[0] == 3
    assert run("erase", "--user", "0042", "--reason", "?")[0] == 3, (
        "kept for ever, and says nothing"
    )


def test_a_batch_that_comes_again_brings_nothing_back(engine):
    enrol(engine)
    batch = batch_of(*map(observe, [*LIN, *OTHERS]))
    ingest(engine, batch)
    with writing(engine) as conn:
        assert erase_user(conn, "0042", None, at=NOW, reason="request 7") == 2
    answer = ingest(engine, batch, previous=FIRST_PREVIOUS)
    assert {one.verdict for one in answer.verdicts} == {Verdict.DUPLICATE}
    assert here(engine) == {event_id(record) for record in OTHERS}


def test_a_batch_that_waits_is_judged_first_and_its_answer_names_nobody(engine):
    enrol(engine)
    batch = batch_of(*map(observe, [*LIN, *OTHERS]))
    store(engine, batch)
    with pytest.raises(CoreError, match="waits to be judged"), writing(engine) as conn:
        erase_user(conn, "0042", None, at=NOW, reason="request 7")
    assert judge_next_page(engine, core_key=CORE_KEY)
    with writing(engine) as conn:
        erase_user(conn, "0042", None, at=NOW, reason="request 7")
    with engine.connect() as conn:
        assert not is_stored(conn, event_id(LIN[0]))
        assert is_stored(conn, event_id(OTHERS[0])), "control"
    assert store(engine, batch) is None, "it was judged before; the JSON way answers it"
