"""The audit log: what was changed is told, and no row can be changed or taken out unseen."""

import json
import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hr_core.audit.log import MAX_TEXT, append, entries, entry, verify
from hr_core.cli import main
from hr_core.errors import CoreError
from hr_core.store import all_tables
from hr_core.store.audit_log import audit_head, audit_log
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.guards import drop_guards

assert all_tables  # imported for the tables it defines

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "core.db"


@pytest.fixture
def engine(path):
    engine = open_database(f"sqlite:///{path}")
    initialise(engine)
    yield engine
    engine.dispose()


def add(conn, subject="person 1007", *, actor="ann", reason="a new badge"):
    return append(conn, AT, actor, "people.renumber", subject, {"n": "1"}, {"n": "2"}, reason)


def report_of(engine):
    with engine.connect() as conn:
        return verify(conn)


def test_what_was_appended_is_read_in_order(engine):
    with writing(engine) as conn:
        assert [add(conn), add(conn, "person 1008")] == [1, 2]
    with engine.connect() as conn:
        first, second = entries(conn)
        assert entries(conn, subject="person 1008") == [second]
        assert entry(conn, 1) == first
        assert entry(conn, 3) is None
    assert (first.at, first.actor, first.before, first.after) == (AT, "ann", {"n": "1"}, {"n": "2"})
    assert first.hash != second.hash


def test_an_empty_log_and_a_whole_one_stand(engine):
    assert report_of(engine).faults == ()
    with writing(engine) as conn:
        for _ in range(3):
            add(conn)
    report = report_of(engine)
    assert (report.rows, report.faults) == (3, ())


def test_a_change_that_is_rolled_back_leaves_no_row(engine):
    def fail_after_a_change():
        with writing(engine) as conn:
            add(conn)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_change()
    assert report_of(engine).rows == 0


@pytest.mark.parametrize(
    "column", ["at", "actor", "action", "subject", "before", "after", "reason"]
)
def test_a_changed_row_is_found(engine, column):
    with writing(engine) as conn:
        for _ in range(3):
            add(conn)
        drop_guards(conn)
        value = AT.replace(year=2025) if column == "at" else '"x"'
        conn.execute(sa.update(audit_log).where(audit_log.c.number == 2).values({column: value}))
    assert report_of(engine).faults == ("row 2 is not as it was written",)


@pytest.mark.parametrize(
    ("number", "words"), [(1, "row 1 is missing"), (2, "row 2 is missing"), (3, "head says 3")]
)
def test_a_row_that_was_taken_out_is_found(engine, number, words):
    with writing(engine) as conn:
        for _ in range(3):
            add(conn)
        drop_guards(conn)
        conn.execute(sa.delete(audit_log).where(audit_log.c.number == number))
    assert words in " ".join(report_of(engine).faults)


def test_a_row_written_anew_with_its_hash_breaks_the_one_after(engine):
    with writing(engine) as conn:
        add(conn)
        other = add(conn, reason="another story")
        forged = conn.execute(sa.select(audit_log).where(audit_log.c.number == other)).one()
        drop_guards(conn)
        conn.execute(sa.delete(audit_log))
        conn.execute(sa.update(audit_head).values(number=0, hash=bytes(32)))
        add(conn, reason="a forged first row")
        conn.execute(sa.insert(audit_log).values(forged._asdict()))
        conn.execute(sa.update(audit_head).values(number=2, hash=forged.hash))
    assert report_of(engine).faults == ("row 2 does not follow the row before it",)


def test_a_head_that_was_changed_is_found(engine):
    with writing(engine) as conn:
        add(conn)
        conn.execute(sa.update(audit_head).values(hash=b"x" * 32))
    assert report_of(engine).faults == ("the head does not name row 1",)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"actor": " "}, "without actor"),
        ({"subject": ""}, "without subject"),
        ({"reason": "x" * (MAX_TEXT + 1)}, "reason"),
        ({"reason": "a\0b"}, "NUL"),
    ],
)
def test_an_unusable_row_is_refused(engine, more, words):
    with pytest.raises(CoreError, match=words), writing(engine) as conn:
        add(conn, **more)
    assert report_of(engine).rows == 0


def test_two_writers_never_follow_the_same_row(engine):
    def write():
        for _ in range(10):
            with writing(engine) as conn:
                add(conn)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (report_of(engine).rows, report_of(engine).faults) == (40, ())


def test_commands_show_and_verify_the_log(engine, path, capsysbinary):
    with writing(engine) as conn:
        add(conn)
    assert main(["--db", str(path), "audit", "log", "--json"]) == 0
    [row] = json.loads(capsysbinary.readouterr().out)["log"]
    assert (row["actor"], row["after"]) == ("ann", {"n": "2"})
    assert main(["--db", str(path), "audit", "log", "--subject", "person 1"]) == 0
    assert b"nothing was changed" in capsysbinary.readouterr().out
    assert main(["--db", str(path), "audit", "verify"]) == 0
    assert b"audit log  stands: 1 rows" in capsysbinary.readouterr().out
    with writing(engine) as conn:
        drop_guards(conn)
        conn.execute(sa.update(audit_log).values(actor="eve"))
    assert main(["--db", str(path), "audit", "verify", "--json"]) == 2
    report = json.loads(capsysbinary.readouterr().out)
    assert report["log"]["faults"] == ["row 1 is not as it was written"]
    assert report["log"]["broken_at"] == 1
    assert main(["--db", str(path), "audit", "verify"]) == 2
    assert b"audit log  DOES NOT STAND, broken at row 1:" in capsysbinary.readouterr().out
