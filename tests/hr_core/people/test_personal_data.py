"""One person's data are given out whole, and go when the person left: less what law keeps."""

import json
import zipfile
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from hr_core.accounts.management import Act, NewAccount, add_account
from hr_core.accounts.model import Role
from hr_core.approvals.desk import Actor, approve, propose
from hr_core.approvals.kinds import Kind
from hr_core.attendance.plan.request import MobilePunch, Relation, Request, RequestState
from hr_core.audit.log import append, verify
from hr_core.audit.verification import verify_chains
from hr_core.cli import main
from hr_core.errors import RefusedError
from hr_core.imports import import_people
from hr_core.people.erasing import ask_erasing, carry_out_erasing, keeping
from hr_core.people.personal_data import export_person, held_of
from hr_core.performance.goals import GoalSet, Level
from hr_core.store.accounts import all_accounts
from hr_core.store.database import UtcInstant, metadata, writing
from hr_core.store.events import raw_events
from hr_core.store.goals import add_set
from hr_core.store.people import people
from hr_core.store.performance_figures import performance_figures
from hr_core.store.person_records import employments, merged_people, person_id_digits
from hr_core.store.personal_rows import _of_person
from hr_core.store.ratings_360 import ratings_360
from hr_core.store.requests import add_request, request
from protocols.records import Direction
from tests.hr_core.cli.conftest import PEOPLE, punch
from tests.hr_core.ingest.batch_samples import batch_of, observe
from tests.hr_core.signed_batches import deliver

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LEFT = date(2026, 11, 1)
SOON, LATER = date(2026, 11, 22), date(2028, 11, 1)
MINE = [punch("1007", f"2026-10-{day:02d}T08:00:00") for day in (8, 9, 10)]
OTHERS = [punch("1008", "2026-10-08T18:00:00")]


@pytest.fixture
def plant(engine, tmp_path):
    file = tmp_path / "people.toml"
    file.write_text(PEOPLE, encoding="utf-8")
    deliver(engine, batch_of(*map(observe, MINE + OTHERS)), at=AT)
    with writing(engine) as conn:
        import_people(conn, file)
        conn.execute(sa.insert(person_id_digits).values(person="E001", digits="123X"))
        act = Act(actor="root", at=AT, reason="")
        add_account(conn, NewAccount(name="zhang", roles=(Role.WORKER,), person="E001"), act)
        phone = MobilePunch(
            day=date(2026, 10, 12), at=datetime(2026, 10, 12, 8), direction=Direction.IN,
            latitude=31.2, longitude=121.5, accuracy_m=5.0, found="gate 3",
        )  # fmt: skip
        add_request(
            conn,
            Request(
                id=0, person="E001", body=phone, state=RequestState.ASKED, asked_at=AT,
                asked_by="E001", relation=Relation.SELF, reason="my knee", evidence="doctor.pdf",
            ),
        )  # fmt: skip
        append(conn, AT, "ann", "people.rename", "person E001", None, None, "")
        append(conn, AT, "ann", "people.rename", "person E0012", None, None, "another")
        append(conn, AT, "zhang", "request.ask", "request 1 of person E001", None, None, "")
        entry = {"person": "E001", "amount_fen": 5}
        propose(conn, Kind.PAY_ENTRY, "entry", entry, at=AT, by=Actor("ann"))
        propose(conn, Kind.PAY_ENTRY, "entry", {"person": "E002"}, at=AT, by=Actor("ann"))
    return engine


@pytest.fixture
def leaver(plant):
    with writing(plant) as conn:
        own = sa.update(employments).where(employments.c.person == "E001")
        conn.execute(own.values(valid_until=LEFT))
    return plant


def erase(engine, on):
    """By two people, at the site's noon of that day."""
    at = datetime.combine(on, AT.timetz())
    with writing(engine) as conn:
        number = ask_erasing(conn, "E001", at=at, by=Actor("ann"), reason="request 7")
    with writing(engine) as conn:
        return carry_out_erasing(conn, approve(conn, number, at=at, by=Actor("bo")))


class TestExport:
    def test_all_of_one_person_and_nothing_of_another(self, plant):
        with plant.connect() as conn:
            held = held_of(conn, "E001")
        assert [one["raw"] for one in held["punches"]] == [one.raw.hex() for one in MINE]
        assert [one["subject"] for one in held["audit_log"]] == [
            "person E001", "request 1 of person E001",
        ]  # fmt: skip
        assert [one["content"] for one in held["approvals"]] == ['{"amount_fen":5,"person":"E001"}']
        assert held["people"][0]["name"] == "张伟"
        assert held["accounts"][0].keys().isdisjoint({"password", "setup_digest"})
        assert held["requests"][0]["reason"] == "my knee"
        assert "E002" not in json.dumps(held)

    def test_every_table_with_a_person_is_looked_through(self, plant):
        """A table that a later release adds is in the export by its column's name."""
        with plant.connect() as conn:
            held = held_of(conn, "E001")
        assert {"people", "device_users", "employments", "employee_numbers"} <= set(held)
        assert {table.name for table in metadata.tables.values() if "person" in table.c} >= {
            "pay_agreements", "pay_entries", "attendance_days", "requests",
        }  # fmt: skip

    def test_the_file_explains_itself_and_is_the_owners_alone(self, plant, tmp_path):
        file = tmp_path / "e001.zip"
        with writing(plant) as conn:
            done = export_person(conn, "E001", file, at=AT, by="ann", reason="asked")
        assert file.stat().st_mode & 0o077 == 0
        with zipfile.ZipFile(file) as packed:
            index = json.loads(packed.read("index.json"))
            assert index["rows"] == done.rows
            assert "您的全部数据" in packed.read("README.txt").decode()
            assert len(json.loads(packed.read("punches.json"))) == 3
        assert done.rows["punches"] == 3


class TestErasing:
    def test_who_is_employed_stays(self, plant):
        with pytest.raises(RefusedError, match="is employed"):
            erase(plant, SOON)
        with plant.connect() as conn:
            assert conn.execute(sa.select(person_id_digits)).all()

    def test_what_may_go_goes_and_the_chains_stand(self, leaver):
        done = erase(leaver, SOON)
        assert done.gone == {
            "person_id_digits": 1, "people": 1, "requests": 1, "time_off_entries": 0,
            "accounts": 1, "punches": 0,
        }  # fmt: skip
        assert (done.kept["punches"], done.records_until) == (3, LATER)
        assert done.pay_until == date(2036, 11, 1)
        with leaver.connect() as conn:
            names = dict(conn.execute(sa.select(people.c.number, people.c.name)).all())
            assert names == {"E001": "—", "E002": "Li Na"}
            asked = request(conn, 1)
            assert (asked.reason, asked.evidence, asked.body.found) == ("", "", "")
            assert (asked.body.latitude, asked.body.longitude) == (0.0, 0.0)
            assert asked.body.at == datetime(2026, 10, 12, 8)
            [own] = [one for one in all_accounts(conn) if one.name == "zhang"]
            assert (own.disabled, own.has_password) == (True, False)
            assert verify(conn).faults == ()
            assert [one.faults for one in verify_chains(conn)] == [()]

    def test_after_the_time_of_keeping_the_raw_records_go_too(self, leaver):
        erase(leaver, SOON)
        done = erase(leaver, LATER)
        assert (done.gone["punches"], done.kept.get("punches")) == (3, None)
        with leaver.connect() as conn:
            left = conn.execute(sa.select(raw_events.c.user_id)).scalars().all()
            assert left == ["1008"]
            [report] = verify_chains(conn)
            assert (report.faults, report.erased) == ((), 3)
            assert verify(conn).faults == ()

    def test_an_id_that_was_given_on_stays_the_others(self, leaver):
        """E001 had 1007 until the 9th, E002 has it from then on."""
        users = metadata.tables["device_users"]
        with writing(leaver) as conn:
            mine = users.c.number == "E001"
            row = dict(conn.execute(sa.select(users).where(mine)).mappings().one())
            conn.execute(sa.update(users).where(mine).values(valid_until=date(2026, 10, 9)))
            row |= {"number": "E002", "valid_from": date(2026, 10, 9), "valid_until": None}
            conn.execute(sa.insert(users).values(row))
        assert erase(leaver, LATER).gone["punches"] == 1

    def test_nobody_is_erased_without_a_reason(self, leaver):
        with writing(leaver) as conn, pytest.raises(RefusedError, match="without a reason"):
            ask_erasing(conn, "E001", at=AT, by=Actor("ann"), reason=" - ")

    def test_it_waits_for_another_person_and_then_takes_what_was_named(self, leaver):
        with writing(leaver) as conn:
            number = ask_erasing(conn, "E001", at=AT, by=Actor("ann"), reason="request 7")
            with pytest.raises(RefusedError, match=f"waits already as approval {number}"):
                ask_erasing(conn, "E001", at=AT, by=Actor("bo"), reason="request 7")
            with pytest.raises(RefusedError, match="cannot approve it"):
                approve(conn, number, at=AT, by=Actor("ann"))
            assert conn.execute(sa.select(person_id_digits)).all(), "nothing is gone"
            conn.execute(sa.insert(merged_people).values(person="E002", into="E001"))
            done = approve(conn, number, at=AT, by=Actor("bo"))
            with pytest.raises(RefusedError, match="other records mean"):
                carry_out_erasing(conn, done)

    def test_who_is_employed_again_meanwhile_stays(self, leaver):
        with writing(leaver) as conn:
            number = ask_erasing(conn, "E001", at=AT, by=Actor("ann"), reason="request 7")
            conn.execute(sa.update(employments).values(valid_until=None))
            with pytest.raises(RefusedError, match="is employed"):
                carry_out_erasing(conn, approve(conn, number, at=AT, by=Actor("bo")))

    def test_the_database_lets_no_name_go_that_two_people_did_not_name(self, leaver):
        erase(leaver, SOON)
        for name in ("E002", "E001"):
            with writing(leaver) as conn:
                change = sa.update(people).where(people.c.number == name)
                if name == "E001":  # approved, so that it may be run again
                    conn.execute(change.values(name="back"))
                    conn.execute(change.values(name="—"))
                    continue
                with pytest.raises(sa.exc.IntegrityError, match="four eyes"), conn.begin_nested():
                    conn.execute(change.values(name="—"))

    def test_each_time_of_keeping_has_its_source(self):
        rules = keeping()
        assert (rules.device_records.years, rules.pay_and_audit.years) == (2, 10)
        assert rules.device_records.source
        assert rules.pay_and_audit.source


def test_commands(leaver, database_url, tmp_path, capsys):
    def core(*words):
        code = main(["--db", database_url, "person", *words])
        return code, capsys.readouterr()

    with writing(leaver) as conn:
        second = NewAccount(name="bo", roles=(Role.HR,))
        add_account(conn, second, Act(actor="root", at=AT, reason=""))
    file = str(tmp_path / "e.zip")
    code, told = core("export", "E001", "--to", file, "--json")
    assert (code, json.loads(told.out)["rows"]["punches"]) == (0, 3)
    assert core("export", "E001", "--to", file)[0] == 2, "never over another file"
    code, told = core("erase", "E001", "--reason", "request 7", "--by", "ann")
    assert (code, "nothing is done yet" in told.out) == (0, True)
    assert core("erase", "E001", "--reason", "request 7", "--by", "ann")[0] == 3, "the same person"
    code, told = core("erase", "E001", "--reason", "request 7", "--by", "bo")
    assert (code, "raw records until 2028-11-01" in told.out) == (1, True)
    assert core("erase", "E002", "--reason", "request 8")[0] == 3
    assert core("erase", "E009", "--reason", "request 8")[0] == 3


@pytest.fixture
def rated(plant):
    """E001 was rated by E002 and rated E002, has a goal, and a task with its end."""
    with writing(plant) as conn:
        for person, rater in (("E001", "E002"), ("E002", "E001")):
            row = {"person": person, "period": "2026-10", "rater": rater, "relation": "peer"}
            conn.execute(
                sa.insert(ratings_360).values(
                    **row, invited_by="ann", invited_at=AT, score="80", note=f"of {person}"
                )
            )
        goals = GoalSet(
            level=Level.PERSON, owner="E001", period="2026-10", version=1, since=LEFT, goals=()
        )
        add_set(conn, goals, AT, "ann", "")
        figure = {"figure": "output", "period": "2026-10"}
        conn.execute(sa.insert(performance_figures).values(figure_row("person:E001", **figure)))
        conn.execute(sa.insert(performance_figures).values(figure_row("person:E002", **figure)))
    return plant


def figure_row(subject, **given):
    columns = {
        column.name: AT if isinstance(column.type, UtcInstant) else "1"
        for column in performance_figures.columns
        if not column.nullable
    }
    return columns | {"subject": subject} | given


def test_who_rated_a_person_is_not_given_to_it(rated):
    with rated.connect() as conn:
        held = held_of(conn, "E001")
    assert [(one["person"], one["note"]) for one in held["ratings_360"]] == [("E002", "of E002")]
    assert "of E001" not in json.dumps(held)


def test_goals_and_figures_name_the_person_in_other_columns(rated):
    with rated.connect() as conn:
        held = held_of(conn, "E001")
    assert [one["owner"] for one in held["goal_sets"]] == ["E001"]
    assert [one["subject"] for one in held["performance_figures"]] == ["person:E001"]


def test_every_table_is_either_a_persons_or_known_to_be_nobodys():
    """A new table that names people in a column of another name is noticed here."""
    told = {
        table.name for table in metadata.sorted_tables if _of_person(table, ["E001"]) is not None
    }
    assert told >= {
        "assessments", "assessment_reasons", "score_results", "score_feedback", "consequences",
        "plan_goals", "talks", "appeals", "court_orders", "court_order_ends", "opening_balances",
        "pay_reversals", "pay_reversal_lines", "piece_tallies", "slip_answers", "pay_lines",
    }  # fmt: skip
    assert told.isdisjoint({"approvals", "audit_log", "pay_runs", "assessment_sides"})
