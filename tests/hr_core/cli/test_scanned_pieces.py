"""Serialised pieces from a scanner's batch to rates, explanation, trace and board."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hr_core.cli import main
from hr_core.store.database import open_database
from hr_core.store.erasures import erase_event
from hr_core.store.piece_scans import piece_scans
from protocols.identity import event_id
from protocols.records import Count, DeviceEvent
from tests.hr_core.cli.conftest import PEOPLE, store
from tests.hr_core.web.conftest import browse  # noqa: F401 - a fixture

OCTOBER = ["--month", "2026-10"]
START = datetime(2026, 10, 13, 1, tzinfo=UTC)
GUNS = """
[[station]]
source = "gun-1"
tag = "packing"
line = "L1"
[[station]]
source = "gun-2"
tag = "packing"
line = "L1"
[[station]]
source = "gun-qc"
tag = "qc"
line = "L1"
"""


class Gun:
    """What drivers.barcode_scanner sends: a reading, and of a serialised piece an event beside it."""

    def __init__(self, source="gun-1", *, tag="packing", metric="pieces", boot="b1", at=START):
        self._source, self._tag, self._metric, self._boot = source, tag, metric, boot
        self._at, self._value, self._badge = at, 0, None
        self.records = [self._count()]

    def badge(self, badge):
        self._badge = badge
        self.records.append(self._count())

    def piece(self, code, *, told=True):
        self._value += 1
        count = self._count()
        self.records.append(count)
        if told:
            self.records.append(self._event(code, count))

    def _count(self):
        self._at += timedelta(seconds=10)
        return Count(
            source=self._source, tag=self._tag, metric=self._metric, value=self._value,
            boot_id=self._boot, seq=int(self._at.timestamp() * 1000), source_time=self._at,
            badge=self._badge, raw=b"x",
        )  # fmt: skip

    def _event(self, code, count):
        local = (count.source_time + timedelta(hours=8)).replace(tzinfo=None)
        return DeviceEvent(
            serial=self._source, code="piece_scanned", device_time=local, raw=code.encode(),
            detail={
                "tag": self._tag, "code": code, "badge": self._badge or "",
                "metric": self._metric, "boot_id": count.boot_id, "seq": count.seq,
            },
        )  # fmt: skip


@pytest.fixture
def site(empty, tmp_path):
    text = PEOPLE.replace("[[person]]", GUNS + "[[person]]", 1)
    (tmp_path / "people.toml").write_text(text, encoding="utf-8")
    assert main(["import", "people.toml"]) == 0
    return empty


@pytest.fixture
def ask(capfd):
    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


def people_of(ask):
    _, found = ask("quality", "rates", *OCTOBER)
    counted = {row["subject"]: row for row in found["people"]}
    everybody = sum(row["pieces"] for row in found["people"])
    assert everybody + found["unattributed"]["pieces"] == found["total"]["pieces"]
    return counted, found


def test_scanned_pieces_are_evidence_of_their_own(site, ask):
    gun = Gun()
    gun.badge("E001")
    for number in range(3):
        gun.piece(f"A{number}")
    gun.badge("E002")
    gun.piece("A3")
    gun.piece("?", told=False)  # a product without a number of its own
    store(site, gun.records)
    counted, found = people_of(ask)
    assert (counted["E001"]["pieces"], counted["E001"]["evidence"]) == (3, {"piece": 3})
    assert (counted["E002"]["pieces"], counted["E002"]["evidence"]) == (2, {"piece": 1, "login": 1})
    assert found["total"]["pieces"] == 5
    work = ask("quality", "explain", "E001", *OCTOBER)[1]["work"]
    assert [(one["evidence"], one["amount"]) for one in work if one["amount"]] == [("piece", 3)]


def test_a_piece_that_the_scanner_forgot_counts_once(site, ask):
    before, after = Gun(), Gun(boot="b2", at=START + timedelta(hours=1))
    other = Gun("gun-2", at=START + timedelta(hours=2))
    for gun in (before, after, other):
        gun.badge("E001")
        gun.piece("A1")
    after.piece("A2")
    store(site, after.records)  # in any order of arrival
    store(site, before.records + other.records)
    counted, found = people_of(ask)
    # Another scanner without a common station in the line file is a station of its own.
    assert (counted["E001"]["pieces"], found["total"]["pieces"]) == (3, 3)
    work = ask("quality", "explain", "E001", *OCTOBER)[1]["work"]
    assert [one["amount"] for one in work if "piece_scanned_again" in one["flags"]] == [0]


def test_scanners_of_one_station_count_a_piece_once(site, ask, tmp_path):
    (tmp_path / "line.toml").write_text(
        '[[station]]\ncode = "PACK"\ncounters = [{ source = "gun-1", tag = "packing" }, '
        '{ source = "gun-2", tag = "packing" }]\n',
        encoding="utf-8",
    )
    assert main(["line", "import", "line.toml"]) == 0
    for gun in (Gun(), Gun("gun-2", at=START + timedelta(hours=2))):
        gun.badge("E001")
        gun.piece("A1")
        store(site, gun.records)
    assert people_of(ask)[0]["E001"]["pieces"] == 1


def test_a_lost_reading_between_two_scans_splits_by_the_scans(site, ask):
    gun = Gun()
    gun.badge("E001")
    gun.piece("A1")
    gun.badge("E002")
    gun.piece("A2")
    kept = [gun.records[0], gun.records[-2], gun.records[-1], gun.records[3]]
    assert [type(one) for one in kept] == [Count, Count, DeviceEvent, DeviceEvent]
    store(site, kept)
    counted, found = people_of(ask)
    assert {subject: row["evidence"] for subject, row in counted.items()} == {
        "E001": {"piece": 1}, "E002": {"piece": 1},
    }  # fmt: skip
    assert found["total"]["pieces"] == 2


def test_a_reject_is_charged_to_who_made_the_piece(site, ask):
    gun, check = Gun(), Gun("gun-qc", tag="qc", metric="rejects", at=START + timedelta(hours=1))
    gun.badge("E001")
    gun.piece("A1")
    gun.piece("A2")
    check.badge("E002")
    check.piece("A2")
    check.piece("A9")  # nobody scanned it before: the inspector's badge says no more than it did
    store(site, gun.records + check.records)
    counted, _ = people_of(ask)
    assert (counted["E001"]["pieces"], counted["E001"]["rejects"]) == (2, 1)
    assert (counted["E002"]["pieces"], counted["E002"]["rejects"]) == (0, 1)


def test_a_scan_without_a_badge_or_of_nobody_proves_nothing(site, ask):
    gun = Gun()
    gun.piece("A1")
    gun.badge("E777")
    gun.piece("A2")
    store(site, gun.records)
    counted, found = people_of(ask)
    assert (counted, found["unattributed"]["pieces"]) == ({}, 2)
    assert found["unknown_badges"] == {"E777": 1}


async def test_the_board_shows_the_evidence(site, browse):  # noqa: F811
    gun = Gun()
    gun.badge("E001")
    gun.piece("A1")
    store(site, gun.records)
    engine = open_database(f"sqlite:///{site}")
    async with browse(engine) as client:
        for language, word in (("en", "piece 100 %"), ("zh", "单件扫码 100 %")):
            page = (await client.get(f"/{language}/board?shift=D&day=2026-10-13")).text
            assert word in page
    engine.dispose()


def test_trace_goes_from_the_scan_to_its_reading_and_back(site, ask):
    gun = Gun()
    gun.badge("E001")
    gun.piece("A1")
    store(site, gun.records)
    reading, scan = (event_id(one).hex() for one in gun.records[-2:])
    code, found = ask("trace", scan)
    assert (code, found["code"], found["detail"]["code"]) == (0, "piece_scanned", "A1")
    assert found["pieces"] == [
        {"code": "A1", "badge": "E001", "metric": "pieces", "scanned": scan, "counted": reading}
    ]
    assert ask("trace", reading)[1]["pieces"] == found["pieces"]
    assert main(["trace", scan]) == 0


def test_a_scan_without_its_facts_is_stored_and_told(site, ask, caplog):
    gun = Gun()
    gun.badge("E001")
    gun.piece("A1")
    scan = gun.records.pop()
    lacking = DeviceEvent(
        serial=scan.serial, code=scan.code, device_time=scan.device_time, raw=b"y",
        detail={key: value for key, value in scan.detail.items() if key != "seq"},
    )  # fmt: skip
    store(site, [*gun.records, lacking])
    assert people_of(ask)[0]["E001"]["evidence"] == {"login": 1}
    assert "its event lacks facts" in caplog.text


def test_an_erased_scan_is_evidence_no_more(site, ask):
    gun = Gun()
    gun.badge("E001")
    gun.piece("A1")
    store(site, gun.records)
    engine = open_database(f"sqlite:///{site}")
    with engine.begin() as conn:
        erase_event(conn, event_id(gun.records[-1]), at=START, reason="asked for")
        assert conn.execute(piece_scans.select()).all() == []
    engine.dispose()
    assert people_of(ask)[0]["E001"]["evidence"] == {"login": 1}
