"""A month's pieces from the database: counters, teams, tally sheets, approved tables, overtime."""

from datetime import UTC, date, datetime

import pytest

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.cli import main
from hr_core.clock import Month, wall_seconds
from hr_core.errors import InputFileError, RefusedError
from hr_core.pay.agreement import PayAgreement, of_month
from hr_core.pay.month_days import days_to_pay, touch_days_to_pay
from hr_core.pay.piece.counted import Hours
from hr_core.pay.piece.month_pieces import pieces_of_month
from hr_core.pay.piece.person_pieces import lines_of
from hr_core.pay.piece.price_desk import price_book, propose_table
from hr_core.pay.piece.table_file import parse_table
from hr_core.pay.piece.table_sheet import read_table
from hr_core.pay.piece.tally_sheet import import_tally
from hr_core.pay.run import imported_roster
from hr_core.spreadsheet import write_rows
from hr_core.store.database import writing
from hr_core.store.line_entries import add_line_file
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.person_records import employments_by_person
from hr_core.store.piece_tallies import tallies_between
from hr_core.trace.calculation import replay
from protocols.identity import event_id
from protocols.records import Count
from protocols.uplink import Observation
from tests.hr_core.attendance.live.conftest import PEOPLE, Plant
from tests.hr_core.ingest.batch_samples import batch_of
from tests.hr_core.signed_batches import deliver
from tests.hr_core.two_people import agreement_by_two

OCTOBER = Month(2026, 10)
NOW = datetime(2026, 11, 3, 4, tzinfo=UTC)
LINE = """
[[line]]
code = "L1"
name = "Line 1"
[[station]]
source = "box-1"
tag = "good"
line = "L1"
"""
TABLE = """
schema = "clockline-pieces/1"
name = "October"
source = "price list of 2026-09"
[[price]]
product = "P1"
process = "weld"
from = 2026-10-01
price = "1.00"
rework = "0.20"
own_rework = "0"
scrap = "3"
[[assignment]]
line = "L1"
product = "P1"
process = "weld"
from = 2026-10-01
rejects = "taken_off"
[[group]]
code = "G1"
[[group.member]]
person = "E1"
coefficient = "1.2"
from = 2026-10-01
[[group.member]]
person = "E2"
coefficient = "1"
from = 2026-10-01
"""
CLERK, BOSS = Actor("clerk"), Actor("boss")


class PiecePlant(Plant):
    """Both people are paid by the piece, and the table is approved."""

    def __init__(self, folder, table=TABLE):
        super().__init__(
            folder, now=NOW, people=PEOPLE.replace("[[person]]", LINE + "[[person]]", 1)
        )
        self._seq = 0
        with writing(self.engine) as conn:
            for person in ("E1", "E2"):
                terms = PayAgreement(city="上海", base_fen=300_000, by_piece=True)
                agreement_by_two(
                    conn, person, date(2026, 1, 1), terms, by=("clerk", "boss"), at=self.now
                )
        self.approve_table(table)

    def propose(self, text, by=CLERK):
        with writing(self.engine) as conn:
            read = parse_table(text, file="t.toml")
            return propose_table(conn, read, file="t.toml", at=self.now, by=by)

    def approve_table(self, text):
        number = self.propose(text).number
        with writing(self.engine) as conn:
            take_effect(conn, approve(conn, number, at=self.now, by=BOSS))
        return number

    def count(self, *texts, badge="1"):
        """Each "2026-10-12T09:00 120": the counter's value at a time of Shanghai's clock."""
        counts = []
        for text in texts:
            at, _, value = text.partition(" ")
            self._seq += 1
            counts.append(
                Count(
                    source="box-1",
                    tag="good",
                    metric="pieces",
                    value=int(value),
                    boot_id="b",
                    seq=self._seq,
                    badge=badge,
                    raw=text.encode(),
                    source_time=datetime.fromisoformat(f"{at}+08:00").astimezone(UTC),
                )
            )
        found = [
            Observation(
                event_id=event_id(one).hex(), record=one, received_at=self.now, zone="Asia/Shanghai"
            )
            for one in counts
        ]
        deliver(self.engine, batch_of(*found, gateway="gw-1"), at=self.now)
        return [one.event_id for one in found]

    def tally(self, text, name="tally.csv", **more):
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        with writing(self.engine) as conn:
            return import_tally(conn, file, by="clerk", at=self.now, **more)

    def pieces(self):
        self.catch_up()
        with writing(self.engine) as conn:
            touch_days_to_pay(conn, OCTOBER, self.now)
        self.catch_up()
        with self.engine.connect() as conn:
            roster = imported_roster(conn)
            days = days_to_pay(conn, roster, OCTOBER, self.now, employments_by_person(conn))
            held = agreements_until(conn, max(OCTOBER.days()))
            held = {person: of_month(found, OCTOBER) for person, found in held.items()}
            return pieces_of_month(conn, roster, OCTOBER, days, held)

    def amounts(self, person):
        lines = lines_of(self.pieces().of_person[person])
        for line in lines:
            assert replay(line.trace) == line.amount_fen
        return {line.code: line.amount_fen for line in lines}


@pytest.fixture
def plant(tmp_path):
    plant = PiecePlant(tmp_path)
    yield plant
    plant.engine.dispose()


def present(plant, *days, user="1", start="07:55", end="17:05"):
    """E1's days; whoever has the night shift leaves on the next day."""
    texts = []
    for day in days:
        texts += [f"{user} 2026-10-{day:02d}T{start}"]
        after = day + 1 if end < start else day
        texts += [f"{user} 2026-10-{after:02d}T{end}"]
    plant.press(*texts, until="2026-11-02T00:00")


def test_counted_pieces_are_paid_to_their_owner_and_name_their_events(plant):
    present(plant, 12)
    events = plant.count("2026-10-12T08:10 100", "2026-10-12T09:00 150", "2026-10-12T16:00 400")
    (line,) = lines_of(plant.pieces().of_person["E1"])
    assert (line.code, line.amount_fen) == ("piece:P1:weld", 30_000)
    assert line.trace.event_ids == (events[0], events[-1])
    assert line.trace.version == "piece-price/3"


def test_pieces_of_overtime_minutes_are_paid_by_the_kind_of_the_day(plant):
    present(plant, 12, end="19:35")  # until 17:00, then 150 minutes of overtime
    present(plant, 17)  # a Saturday
    present(plant, 1)  # the national day
    plant.count("2026-10-01T09:00 0", "2026-10-01T10:00 10")
    plant.count("2026-10-12T09:00 10", "2026-10-12T16:50 110", "2026-10-12T18:00 130")
    plant.count("2026-10-17T09:00 130", "2026-10-17T10:00 170")
    assert plant.amounts("E1") == {
        # from the 1st 10:00 to the 12th 09:00 the counter stood still
        "piece:P1:weld": 10_000,
        "piece_overtime_workday:P1:weld": 20 * 150,
        "piece_overtime_rest_day:P1:weld": 40 * 200,
        "piece_overtime_statutory_holiday:P1:weld": 10 * 300,
    }


def test_the_last_night_shift_of_the_month_belongs_to_it(plant):
    present(plant, 30, user="2", start="17:50", end="06:04")
    plant.press("2 2026-09-30T17:50", "2 2026-10-01T06:04", until="2026-11-02T00:00")
    plant.count("2026-10-01T02:00 0", "2026-10-01T03:00 50", badge="2")
    plant.count("2026-10-30T20:00 50", "2026-10-31T02:00 80", badge="2")
    plant.count("2026-11-01T20:00 80", "2026-11-01T21:00 95", badge="2")
    # the night of September 30 is September's; that of October 30 lies in October
    assert plant.amounts("E2") == {"piece:P1:weld": 3000}


def test_a_tally_sheet_is_paid_and_each_row_is_named_with_who_entered_it(plant):
    present(plant, 12, 13)
    done = plant.tally(
        "日期,工号,产品,工序,件数,返工,本人返工,报废,记录人\n"
        "2026-10-12,E1,P1,weld,100,5,1,,王组长\n"
        "2026-10-13,E1,P1,weld,40,,,2,\n"
    )
    assert (done.rows, done.added) == (2, 2)
    assert plant.amounts("E1") == {
        "piece:P1:weld": 14_000,
        "piece_rework:P1:weld": 100,
        "piece_own_rework:P1:weld": 0,
    }
    lines = lines_of(plant.pieces().of_person["E1"])
    told = [(one.file, one.row, one.entered_by, one.pieces) for one in lines[0].trace.tallies]
    assert told == [("tally.csv", 2, "王组长", 100), ("tally.csv", 3, "clerk", 40)]


def test_the_same_sheet_again_is_harmless_and_other_figures_need_a_reason(plant):
    text = "day,person,product,process,pieces\n2026-10-12,E1,P1,weld,{}\n"
    plant.tally(text.format(100))
    assert plant.tally(text.format(100), "again.csv").same == 1
    with pytest.raises(InputFileError, match=r"row 2: row 2 of tally.csv.*says 100/0/0/0"):
        plant.tally(text.format(90), "new.csv")
    assert plant.tally(text.format(90), "new.csv", replace="recounted").replaced == 1
    with plant.engine.connect() as conn:
        (row,) = tallies_between(conn, OCTOBER.first, OCTOBER.after)
    assert (row.pieces, row.version, row.file) == (90, 2, "new.csv")


def test_two_columns_of_pieces_are_refused(plant):
    with pytest.raises(InputFileError, match="two columns are pieces"):
        plant.tally("day,person,product,process,pieces,件数\n2026-10-12,E1,P1,weld,1,9\n")


def test_a_sheet_with_faults_is_refused_whole_with_every_row(plant):
    with pytest.raises(InputFileError) as refused:
        plant.tally(
            "day,person,group,product,process,pieces,scrap\n"
            "2026-10-12,E9,,P1,weld,1,\n"
            "2026-10-12,E1,G1,P1,weld,1,\n"
            "2026-10-12,E1,,P1,weld,1.5,\n"
            "2026-10-12,,G1,P1,weld,5,1\n"
            "2026-10-12,E1,,P1,weld,0,\n"
            "2026-10-13,E1,,P1,weld,7,\n"
            "2026-10-13,E1,,P1,weld,8,\n"
        )
    for number in (2, 3, 4, 5, 6, 8):
        assert f"row {number}: " in str(refused.value)
    with plant.engine.connect() as conn:
        assert tallies_between(conn, OCTOBER.first, OCTOBER.after) == []


def test_a_group_of_the_sheet_is_split_and_nothing_is_lost(plant):
    present(plant, 12)
    plant.press("2 2026-10-12T17:50", "2 2026-10-13T06:04", until="2026-11-02T00:00")
    plant.tally("day,group,product,process,pieces\n2026-10-12,G1,P1,weld,1000\n")
    one, two = plant.amounts("E1"), plant.amounts("E2")
    (mine,), (other,) = one.values(), two.values()
    # 8 h x 1.2 and 11 h x 1
    assert (mine, other) == (46_602, 53_398)
    assert list(one) == ["piece_group:G1:P1:weld"]


def test_pieces_of_a_group_that_nobody_entered_are_named(plant):
    plant.tally("day,group,product,process,pieces\n2026-10-12,G9,P1,weld,10\n")
    assert any("group G9: 10 pieces" in note for note in plant.pieces().notes)


def test_what_a_counter_made_without_an_assignment_is_named(tmp_path):
    plant = PiecePlant(tmp_path, TABLE.replace('rejects = "t', 'until = 2026-10-12\nrejects = "t'))
    present(plant, 12)
    plant.count("2026-10-12T08:10 100", "2026-10-12T09:00 150")
    assert plant.pieces().notes == (
        "station box-1: 50 pieces, and no approved assignment says what they are",
    )
    plant.engine.dispose()


def test_pieces_without_attendance_or_price_are_told(plant):
    plant.tally("day,person,product,process,pieces\n2026-10-12,E1,P9,weld,10\n")
    found = plant.pieces()
    assert any("no minute of attendance" in note for note in found.notes)
    from hr_core.pay.piece.prices import NoPriceError

    with pytest.raises(NoPriceError, match="P9 / weld"):
        lines_of(found.of_person["E1"])


def test_a_table_pays_only_after_another_person_approved_it(plant):
    dearer = TABLE.replace('"1.00"', '"2.00"').replace("October", "dearer")
    proposed = plant.propose(dearer)
    assert plant.propose(dearer) == (proposed.number, False)
    present(plant, 12)
    plant.tally("day,person,product,process,pieces\n2026-10-12,E1,P1,weld,10\n")
    assert plant.amounts("E1") == {"piece:P1:weld": 1000}
    with writing(plant.engine) as conn, pytest.raises(RefusedError, match="clerk cannot approve"):
        approve(conn, proposed.number, at=plant.now, by=CLERK)
    with writing(plant.engine) as conn:
        take_effect(conn, approve(conn, proposed.number, at=plant.now, by=BOSS))
    assert plant.amounts("E1") == {"piece:P1:weld": 2000}


def test_names_that_nobody_knows_are_refused(plant):
    with pytest.raises(InputFileError, match="there is no line 'L7'; known: L1"):
        plant.propose(TABLE.replace('line = "L1"', 'line = "L7"'))
    with pytest.raises(InputFileError, match="E8"):
        plant.propose(TABLE.replace('person = "E2"', 'person = "E8"'))


@pytest.mark.parametrize(
    ("more", "what"),
    [(["单价"], "two columns are price"), (["定 额"], "columns that nobody knows: 定 额")],
)
def test_a_sheet_of_prices_with_a_doubtful_heading_is_refused(tmp_path, more, what):
    file = tmp_path / "prices.csv"
    write_rows(file, [["产品", "工序", "起", "price", "备注", *more]])
    with pytest.raises(InputFileError, match=what):
        read_table(file, "signed list")


def test_a_sheet_of_prices_becomes_the_same_table(plant, tmp_path):
    file = tmp_path / "prices.xlsx"
    write_rows(
        file,
        [
            ["产品", "工序", "等级", "起", "单价", "阶梯", "周期"],
            ["P1", "weld", "A", "2026-10-01", "0.35", "1000: 0.40; 2000：0.45", "day"],
            ["P2", "cut", "", "2026-10-01", 2, "", ""],
        ],
    )
    with pytest.raises(InputFileError, match="--source"):
        read_table(file)
    read = read_table(file, "signed list")
    with writing(plant.engine) as conn:
        done = propose_table(conn, read, file="x", at=plant.now, by=CLERK)
        take_effect(conn, approve(conn, done.number, at=plant.now, by=BOSS))
    with plant.engine.connect() as conn:
        book = price_book(conn)
    from hr_core.pay.piece.prices import Goods

    row = book.row(Goods("P1", "weld", "A"), date(2026, 10, 5))
    assert [(band.over, float(band.price)) for band in row.bands] == [
        (0, 35),
        (1000, 40),
        (2000, 45),
    ]
    assert (row.per, row.version, row.source) == ("day", "piece-price/4", "signed list")


def test_who_is_paid_by_the_month_is_not_paid_for_pieces_too(plant):
    with writing(plant.engine) as conn:
        terms = PayAgreement(city="上海", base_fen=300_000)
        agreement_by_two(conn, "E1", date(2026, 10, 13), terms, by=("a", "b"), at=plant.now)
    present(plant, 12, 13)
    plant.tally(
        "day,person,product,process,pieces\n2026-10-12,E1,P1,weld,10\n2026-10-13,E1,P1,weld,10\n"
    )
    assert plant.amounts("E1") == {"piece:P1:weld": 1000}


LINE_FILE = """
[[station]]
code = "S1"
team = true
readers = ["DOOR"]
counters = [{ source = "box-1", tag = "good" }]
"""


def test_a_team_at_one_station_shares_what_its_counter_says_and_no_badge_is_told(plant):
    with writing(plant.engine) as conn:
        add_line_file(conn, "line.toml", LINE_FILE, plant.now)
    present(plant, 12, end="16:05")
    plant.press("2 2026-10-12T10:00", "2 2026-10-12T22:00", until="2026-11-02T00:00")
    plant.press("1 2026-10-12T11:00", "2 2026-10-12T11:00", serial="DOOR")
    plant.count("2026-10-12T12:00 0", "2026-10-12T15:00 300")
    found = plant.pieces()
    shares = [line for one in found.of_person.values() for line in one.shares]
    assert {line.code for line in shares} == {"piece_group:team:P1:weld"}
    assert sum(line.amount_fen for line in shares) == 30_000
    for line in shares:
        assert replay(line.trace) == line.amount_fen
        assert line.trace.work[0].badge is None


def test_the_month_is_shown_on_the_command_line(plant, capfd):
    present(plant, 12)
    plant.count("2026-10-12T08:10 100", "2026-10-12T09:00 150")
    plant.tally("day,person,product,process,pieces\n2026-10-12,E2,P9,weld,10\n")
    plant.pieces()
    db = f"{plant.folder}/core.db"
    assert main(["--db", db, "pay", "pieces", "show", "--month", "2026-10"]) == 1
    told = capfd.readouterr().out
    assert "E1  50 pieces, ¥50.00" in told
    assert "piece:P1:weld  ¥50.00  50 pieces: 50 x 1 yuan" in told
    assert "E2  10 pieces, ¥0.00  refused: there is no approved price of P9 / weld" in told
    assert "look at: tally.csv row 2: E2 has pieces on 2026-10-12" in told


@pytest.mark.parametrize(
    ("second", "day", "overtime"),
    [
        ("2026-10-12T02:00:00", 12, None),
        ("2026-10-12T09:00:00", 12, None),
        ("2026-10-12T17:00:00", 12, "workday"),
        ("2026-10-12T19:29:59", 12, "workday"),
        ("2026-10-12T19:30:00", 12, None),
    ],
)
def test_a_minute_belongs_to_the_interval_that_holds_it(plant, second, day, overtime):
    present(plant, 12, end="19:35")
    plant.catch_up()
    hours = Hours([plant.day("E1", 12).result])
    moment = hours.at(wall_seconds(datetime.fromisoformat(second)))
    assert (moment.day.day, moment.overtime) == (day, overtime)


def test_counters_of_people_on_monthly_wages_are_nothing_to_look_at(plant):
    with writing(plant.engine) as conn:
        terms = PayAgreement(city="上海", base_fen=300_000)
        agreement_by_two(conn, "E2", date(2026, 2, 1), terms, by=("a", "b"), at=plant.now)
    plant.press("2 2026-10-12T17:50", "2 2026-10-13T06:04", until="2026-11-02T00:00")
    plant.count("2026-10-12T20:00 0", "2026-10-12T21:00 50", badge="2")
    assert plant.pieces().notes == ()
    plant.tally("day,person,product,process,pieces\n2026-10-12,E2,P1,weld,10\n")
    found = plant.pieces()
    (note,) = found.notes
    assert note.startswith(
        "E2, who is not paid by the piece then, has 10 pieces on 2026-10-12 (tally.csv row 2): no line "
        "pays them"
    )
    assert "hr-core pay agreements import" in note
    assert "hr-core pay pieces import --replace" in note
    assert list(found.of_person) == ["E1"]


def test_pieces_before_the_agreement_by_the_piece_are_told_and_not_dropped(plant):
    monthly = PayAgreement(city="上海", base_fen=300_000)
    with writing(plant.engine) as conn:
        agreement_by_two(conn, "E1", date(2026, 10, 13), monthly, by=("a", "b"), at=plant.now)
    present(plant, 12, 13)
    plant.catch_up()
    plant.tally(
        "day,person,product,process,pieces,scrap\n2026-10-12,E1,P1,weld,10,\n"
        "2026-10-13,E1,P1,weld,20,1\n"
    )
    found = plant.pieces()
    (note,) = found.notes
    assert "E1, who is not paid by the piece then, has 21 pieces on 2026-10-13" in note
    assert [one.pieces for one in found.of_person["E1"].made] == [10]


def test_sheets_of_a_plant_where_nobody_is_paid_by_the_piece_are_told(plant):
    monthly = PayAgreement(city="上海", base_fen=300_000)
    with writing(plant.engine) as conn:
        for person in ("E1", "E2"):
            agreement_by_two(conn, person, date(2026, 10, 1), monthly, by=("a", "b"), at=plant.now)
    plant.tally(
        "day,person,group,product,process,pieces\n2026-10-12,E1,,P1,weld,10\n"
        "2026-10-13,,G1,P1,weld,50\n"
    )
    own, shared = plant.pieces().notes
    assert "E1" in own
    assert "10 pieces on 2026-10-12" in own
    assert "group G1 has 50 pieces on 2026-10-13" in shared


def test_a_heading_that_nobody_knows_is_refused_and_remarks_are_not(plant):
    with pytest.raises(InputFileError, match="nobody knows: pices") as told:
        plant.tally("day,person,product,process,pieces,pices\n2026-10-12,E1,P1,weld,10,5\n")
    assert "own_rework/本人返工" in told.value.remedy
    plant.tally("day,person,product,process,pieces,备注,\n2026-10-12,E1,P1,weld,10,good,\n")
    with plant.engine.connect() as conn:
        (row,) = tallies_between(conn, OCTOBER.first, OCTOBER.after)
    assert row.pieces == 10
