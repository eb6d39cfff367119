"""The audit log is kept for ten years, can be checked without this program, and grows old whole."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hr_core.audit.export import export
from hr_core.audit.log import append, entries, verify
from hr_core.audit.retention import purge, ten_years_before
from hr_core.cli import main
from hr_core.errors import CoreError, NotFoundError, RefusedError
from hr_core.store.audit_log import Head, audit_checkpoint, audit_log, remove_until
from hr_core.store.database import writing
from tests.hr_core.behind_guards import without_guards

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=3700)
OLDER = NOW - timedelta(days=4100)


@pytest.fixture
def log(engine):
    """Rows 1 and 2 are older than ten years, 3 and 4 are not."""
    with writing(engine) as conn:
        for at, reason in ((OLDER, "一"), (OLD, 'a "b" \\ \x01\x7f\n/é'), (NOW, "3"), (NOW, "4")):
            append(conn, at, "ann", "people.renumber", "person 1007", {"n": "1"}, None, reason)
    return engine


def report_of(engine):
    with engine.connect() as conn:
        return verify(conn)


def check(folder):
    done = subprocess.run(
        [sys.executable, "-I", folder / "check_audit.py", *sorted(folder.glob("audit-*.jsonl"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


class TestExport:
    @pytest.fixture
    def folder(self, log, tmp_path):
        with log.connect() as conn:
            self.years = export(conn, tmp_path)
        return tmp_path

    def test_another_program_finds_the_whole_chain(self, log, folder):
        assert check(folder) == (0, f"stands: rows 1 to 4, head {report_of(log).head}\n")
        assert sum(one.rows for one in self.years) == 4
        assert self.years[-1].head == report_of(log).head
        first = (folder / f"audit-{OLDER.year}.jsonl").read_text().splitlines()
        assert json.loads(first[0])["schema"] == "clockline-audit/1"
        assert (json.loads(first[1])["reason"], json.loads(first[1])["number"]) == ("一", 1)
        assert "RFC 8785" in (folder / "README.txt").read_text()

    def test_one_changed_byte_shows_and_where(self, log, folder):
        file = folder / f"audit-{NOW.year}.jsonl"
        file.write_text(file.read_text().replace('"reason":"3"', '"reason":"8"'))
        code, told = check(folder)
        assert (code, "BROKEN at row 3" in told, "row 4" in told) == (1, True, False)

    def test_a_row_or_a_year_that_is_missing_shows(self, log, folder):
        file = folder / f"audit-{NOW.year}.jsonl"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join([lines[0], *lines[2:]]))
        code, told = check(folder)
        assert (code, "rows 3 to 3 are missing" in told) == (1, True)

    def test_a_year_without_rows(self, log, tmp_path):
        with log.connect() as conn, pytest.raises(NotFoundError, match="no row of 1999"):
            export(conn, tmp_path, 1999)


class TestTenYears:
    def test_what_is_older_goes_and_the_chain_stands(self, log, tmp_path):
        with writing(log) as conn:
            done = purge(conn, ten_years_before(NOW), at=NOW, by="bob", reason="exported")
            assert (done.rows, done.until) == (2, 2)
            assert [one.number for one in entries(conn)] == [3, 4, 5]
            report = verify(conn)
            assert (report.faults, report.rows, report.begins_after) == ((), 3, 2)
            export(conn, tmp_path)
        code, told = check(tmp_path)
        assert (code, "rows 3 to 5" in told) == (0, True)

    def test_what_is_younger_stays(self, log):
        with writing(log) as conn:
            with pytest.raises(RefusedError, match="kept for 10 years"):
                purge(conn, NOW, at=NOW, by="bob", reason="space")
            with pytest.raises(RefusedError, match="without a reason"):
                purge(conn, OLD, at=NOW, by="bob", reason=" ")
            with pytest.raises(RefusedError, match="begins with"):
                purge(conn, OLDER, at=NOW, by="bob", reason="space")

    def test_a_broken_log_is_evidence(self, log):
        with writing(log) as conn:
            with without_guards(conn):
                fourth = sa.update(audit_log).where(audit_log.c.number == 4)
                conn.execute(fourth.values(actor="eve"))
            with pytest.raises(CoreError, match="broken at row 4"):
                purge(conn, ten_years_before(NOW), at=NOW, by="bob", reason="exported")

    @pytest.mark.parametrize(
        ("statement", "says"),
        [
            (sa.update(audit_log).values(actor="eve"), "is not changed"),
            (sa.delete(audit_log).where(audit_log.c.number == 4), "ten years"),
            (sa.delete(audit_log).where(audit_log.c.number == 1), "behind a checkpoint"),
        ],
    )
    def test_the_database_refuses_it_too(self, log, statement, says):
        with writing(log) as conn, pytest.raises(sa.exc.IntegrityError, match=says):
            conn.execute(statement)

    def test_the_database_keeps_young_rows_behind_any_checkpoint(self, log):
        with writing(log) as conn, pytest.raises(sa.exc.IntegrityError, match="ten years"):
            remove_until(conn, Head(3, b"x" * 32))

    def test_a_checkpoint_that_no_row_tells_is_found(self, log):
        with writing(log) as conn:
            first = conn.execute(sa.select(audit_log).where(audit_log.c.number == 1)).one()
            remove_until(conn, Head(1, first.hash))
        report = report_of(log)
        assert report.broken_at == 2
        assert "no row tells that the rows up to 1 went" in report.faults[0]

    def test_a_checkpoint_stays(self, log):
        with writing(log) as conn:
            purge(conn, ten_years_before(NOW), at=NOW, by="bob", reason="exported")
        for statement in (
            sa.delete(audit_checkpoint),
            sa.update(audit_checkpoint).values(number=1),
        ):
            with writing(log) as conn, pytest.raises(sa.exc.IntegrityError):
                conn.execute(statement)

    def test_ten_years_before_a_leap_day(self):
        leap = datetime(2028, 2, 29, tzinfo=UTC)
        assert ten_years_before(leap) == datetime(2018, 2, 28, tzinfo=UTC)


def test_commands(log, database_url, tmp_path, capsys):
    def core(*words):
        code = main(["--db", database_url, "audit", *words])
        return code, capsys.readouterr()

    code, told = core("export", str(tmp_path / "new" / "folder"), "--json")
    assert (code, len(json.loads(told.out)["years"])) == (0, len({OLDER.year, OLD.year, NOW.year}))
    day = f"{ten_years_before(NOW):%Y-%m-%d}"
    assert core("purge", "--before", "2999-01-01", "--reason", "x")[0] == 3
    code, told = core("purge", "--before", day, "--reason", "exported", "--by", "bob", "--json")
    assert (code, json.loads(told.out)["rows"]) == (0, 2)
    code, told = core("verify")
    assert (code, "audit log  stands: 3 rows after row 2, which was purged" in told.out) == (
        0,
        True,
    )
    assert core("export", "/proc/nothing")[0] == 2
