"""The people file: what it means, what it refuses, and that importing it twice is harmless."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.data_files import read_text
from hr_core.errors import InputFileError
from hr_core.imports import import_people
from hr_core.people.changes import Signature
from hr_core.people.file import read_people_file
from hr_core.people.model import Days, find_person
from hr_core.store.database import metadata, writing
from hr_core.store.people import load_roster, save_scheme, scheme_text

FILE = """
[site]
zone = "Asia/Shanghai"

[scheme]
code = "demo"

[[shift]]
code = "D"
name = "Day"
name_zh = "白班"
start = "08:00"
end = "17:00"
break_min = 60
break_start = "12:00"

[[shift]]
code = "N"
name = "Night"
start = "18:00"
end = "06:00"
break_min = 60

[[line]]
code = "L1"
name = "Line 1"

[[station]]
source = "box-1"
tag = "pieces"
line = "L1"
modulus = 65536

[[person]]
number = "E001"
name = "张伟"
shift = "D"
base = "5200.00"
device_user = "1007"

[[person]]
number = "E002"
name = "Li Na"
shift = "N"
base_fen = 610050
zone = "Asia/Urumqi"
devices = [{ serial = "CQ1", user_id = "1007" }, { user_id = "0008" }]
badges = ["B-8"]
"""

ON = date(2026, 10, 1)


def write(tmp_path, text):
    path = tmp_path / "people.toml"
    path.write_text(text, encoding="utf-8")
    return path


def run_import(engine, path, **more):
    with writing(engine) as conn:
        return import_people(conn, path, **more)


def roster_of(engine):
    with engine.connect() as conn:
        return load_roster(conn)


def state(engine):
    with engine.connect() as conn:
        return {
            table.name: conn.execute(sa.select(table)).all() for table in metadata.sorted_tables
        }


def test_what_a_file_means(tmp_path):
    roster = read_people_file(write(tmp_path, FILE)).roster
    day, night = roster.shifts["D"], roster.shifts["N"]
    assert (day.start_min, day.end_min, day.break_start_min) == (480, 1020, 720)
    assert (night.start_min, night.end_min) == (1080, 1800)  # over midnight: end <= start
    assert night.break_start_min == 1410  # no break_start: in the middle
    assert (day.early_in_min, day.late_out_min) == (120, 240)
    assert roster.people["E001"].base_fen == 520000
    assert roster.people["E001"].zone == "Asia/Shanghai"
    assert roster.people["E002"].zone == "Asia/Urumqi"
    assert roster.people["E001"].origin.startswith("people file people.toml, sha256 ")


def test_a_break_after_midnight_belongs_to_the_same_night(tmp_path):
    text = FILE.replace(
        'end = "06:00"\nbreak_min = 60', 'end = "06:00"\nbreak_min = 60\nbreak_start = "00:30"'
    )
    assert read_people_file(write(tmp_path, text)).roster.shifts["N"].break_start_min == 1470


def test_the_devices_own_entry_wins_over_every_device(tmp_path):
    mapping = read_people_file(write(tmp_path, FILE)).roster.number_by_device_user()
    assert find_person(mapping, "CQ1", "1007", ON) == "E002"
    assert find_person(mapping, "CQ2", "1007", ON) == "E001"
    assert find_person(mapping, "CQ2", "0008", ON) == "E002"
    assert find_person(mapping, "CQ2", "8", ON) is None  # leading zeros are part of the id


def test_a_badge_is_an_own_badge_a_number_or_a_common_user_id(tmp_path):
    badges = read_people_file(write(tmp_path, FILE)).roster.number_by_badge(Days())
    assert badges["B-8"] == badges["E002"] == badges["0008"] == "E002"
    assert badges["1007"] == "E001"


def test_a_badge_that_could_be_two_people_is_nobodys(tmp_path):
    text = FILE.replace('device_user = "1007"', 'device_user = "E002"')
    badges = read_people_file(write(tmp_path, text)).roster.number_by_badge(Days())
    assert "E002" not in badges
    assert badges["E001"] == "E001"


def test_the_same_file_twice_leaves_the_same_state(tmp_path, engine):
    path = write(tmp_path, FILE)
    first = run_import(engine, path)
    before = state(engine)
    second = run_import(engine, path)
    assert (first.people_added, second.people_added, second.people_unchanged) == (2, 0, 2)
    assert state(engine) == before


def test_what_a_later_file_does_not_name_stays(tmp_path, engine):
    run_import(engine, write(tmp_path, FILE))
    later = """
[site]
zone = "Asia/Shanghai"
[[person]]
number = "E001"
name = "张伟"
shift = "N"
base = "5300"
device_user = "1017"
"""
    with pytest.raises(InputFileError, match="user id 1007 on every device of E001"):
        run_import(engine, write(tmp_path, later))
    done = run_import(engine, write(tmp_path, later), drop_ids=True)
    roster = roster_of(engine)
    assert (done.people_changed, done.scheme) == (1, "demo")
    assert (roster.people["E001"].shift, roster.people["E001"].base_fen) == ("N", 530000)
    assert roster.people["E002"].base_fen == 610050
    mapping = roster.number_by_device_user()
    assert find_person(mapping, "X", "1017", ON) == "E001"
    assert find_person(mapping, "X", "1007", ON) is None  # replaced with its person


def test_the_stored_roster_is_the_one_that_was_read(tmp_path, engine):
    path = write(tmp_path, FILE)
    run_import(engine, path)
    read, stored = read_people_file(path).roster, roster_of(engine)
    assert (stored.shifts, stored.people, stored.lines) == (read.shifts, read.people, read.lines)
    assert set(stored.device_users) == set(read.device_users)
    assert (stored.stations, stored.badges) == (read.stations, read.badges)


class TestSchemeFile:
    SIGN = Signature(at=datetime(2026, 11, 22, 9, tzinfo=UTC), by="ann")

    @pytest.fixture
    def own(self, tmp_path):
        own = read_text("scheme_demo.toml").replace('code = "demo"', 'code = "own"')
        (tmp_path / "own.toml").write_text(own, encoding="utf-8")
        return own

    @pytest.fixture
    def people_file(self, tmp_path, own):
        return write(tmp_path, FILE.replace('code = "demo"', 'file = "own.toml"'))

    def test_it_is_stored_with_its_text_once_another_person_approved_it(
        self, own, people_file, engine, tmp_path
    ):
        run_import(engine, write(tmp_path, FILE))
        people_file = write(tmp_path, FILE.replace('code = "demo"', 'file = "own.toml"'))
        with writing(engine) as conn:
            first = import_people(conn, people_file, self.SIGN)
            again = import_people(conn, people_file, self.SIGN)
        assert first.scheme_approval == again.scheme_approval
        assert (first.scheme, roster_of(engine).scheme) == ("demo", "demo")
        with writing(engine) as conn:
            done = approve(conn, first.scheme_approval, at=self.SIGN.at, by=Actor("bob"))
            take_effect(conn, done)
            assert scheme_text(conn, "own") == own
        assert roster_of(engine).scheme == "own"
        with writing(engine) as conn:
            assert import_people(conn, people_file, None).scheme_approval is None

    def test_the_database_takes_none_that_only_one_person_saw(self, own, people_file, engine):
        with writing(engine) as conn:
            import_people(conn, people_file, self.SIGN)
            with pytest.raises(sa.exc.IntegrityError, match="four eyes"):
                save_scheme(conn, "own", own)

    def test_nobody_brings_one_unnamed_or_under_a_name_that_ships(
        self, own, people_file, engine, tmp_path
    ):
        with pytest.raises(InputFileError, match="nobody is named"):
            run_import(engine, people_file)
        (tmp_path / "own.toml").write_text(own.replace('"own"', '"demo"'), encoding="utf-8")
        with writing(engine) as conn, pytest.raises(InputFileError, match="ships with"):
            import_people(conn, people_file, self.SIGN)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('base = "5200.00"', "base = 5200.00", "person[0].base", "as text"),
        ('base = "5200.00"', 'base = "5,200"', "person[0].base", "amount in yuan"),
        ('base = "5200.00"', "", "person[0]", "base pay once"),
        ('base = "5200.00"', 'base = "-1"', "person[0].base", "greater than or equal"),
        ('start = "08:00"', 'start = "8:00"', "shift[0].start", "time of day"),
        ('end = "06:00"', 'end = "17:30"', "shift[1]", "two days"),
        ('break_start = "12:00"', 'break_start = "16:30"', "shift[0]", "break"),
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Peking"', "site.zone", "time zone"),
        ('shift = "D"', 'shift = "X"', "person.shift", "not defined"),
        ('line = "L1"', 'line = "L9"', "station.line", "not defined"),
        ('number = "E002"', 'number = "E001"', "person[1]", "twice"),
        (
            'user_id = "0008"',
            'user_id = "1007"',
            "person[1].devices",
            "both person E001 (at all times)",
        ),
        ('badges = ["B-8"]', 'badges = ["E001"]', "person.badges", "both person"),
        ('code = "demo"', 'code = "gold"', "scheme.code", "no scheme named"),
        ('code = "demo"', 'file = "none.toml"', "(file)", "cannot be read"),
        ('code = "demo"', "", "scheme", "either code"),
        ("[site]", "[site", "(file)", "not TOML"),
        ('name = "Line 1"', 'name = "Line 1"\ncolour = "red"', "line[0].colour", "not permitted"),
        ('number = "E001"', "number = 1", "person[0].number", "valid string"),
    ],
)
def test_refusals_name_file_key_and_remedy_and_store_nothing(
    tmp_path, engine, old, new, key, words
):
    path = write(tmp_path, FILE.replace(old, new, 1))
    with pytest.raises(InputFileError) as refused:
        run_import(engine, path)
    assert refused.value.key == key
    assert words in str(refused.value)
    assert str(tmp_path) in refused.value.file
    assert refused.value.remedy
    assert roster_of(engine) is None


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    text = FILE.replace('start = "08:00"', 'start = "x"').replace('base = "5200.00"', 'base = "y"')
    with pytest.raises(InputFileError) as refused:
        read_people_file(write(tmp_path, text))
    assert "shift[0].start" in str(refused.value)
    assert "person[0].base" in str(refused.value)


def test_a_missing_file_and_a_binary_file_are_named(tmp_path):
    with pytest.raises(InputFileError, match="cannot be read"):
        read_people_file(tmp_path / "none.toml")
    (tmp_path / "bin").write_bytes(b"\xff\xfe")
    with pytest.raises(InputFileError, match="UTF-8 at byte 0"):
        read_people_file(tmp_path / "bin")


def test_what_editors_and_input_methods_write_is_read_as_it_was_meant(tmp_path):
    """A byte order mark, lines that end as on Windows, wide digits."""
    path = tmp_path / "people.toml"
    wide = FILE.replace('"E001"', '"Ｅ００１"').replace('"1007"', '"１００７"')
    path.write_bytes(b"\xef\xbb\xbf" + wide.replace("\n", "\r\n").encode())
    roster = read_people_file(path).roster
    assert "E001" in roster.people
    assert find_person(roster.number_by_device_user(), "ANY", "1007", date(2026, 1, 1)) == "E001"


def test_a_refusal_speaks_our_words_and_names_the_page(tmp_path):
    path = tmp_path / "people.toml"
    path.write_text(FILE.replace('"08:00"', '"25:00"'))
    with pytest.raises(
        InputFileError, match=r"shift\[0\]\.start: '25:00' is not a time"
    ) as refused:
        read_people_file(path)
    assert "docs/people-file.md" in refused.value.remedy
