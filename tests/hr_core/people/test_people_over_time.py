"""New numbers, leaving, coming back, two records merged, one split: each audited, each undone."""

from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hr_core.attendance.punches import punches_of_month
from hr_core.audit import log
from hr_core.clock import Month
from hr_core.errors import CoreError, InputFileError, NotFoundError
from hr_core.pay.run import compute_run
from hr_core.people.changes import undo
from hr_core.people.errors import ChangeRefusedError
from hr_core.people.lookup import person_of_number
from hr_core.people.model import Days
from hr_core.people.moves import Contract, leave, map_device_user, rehire, renumber
from hr_core.people.one_or_two import NewRecord, Share, merge, split, union
from hr_core.people.records import Kind
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.organisation import memberships_of
from hr_core.store.people import load_roster, people
from hr_core.store.person_records import employments_of, number_on, person_keys
from hr_core.store.results import add_run, slip_of, slips_of_run
from hr_core.views import attendance_of
from tests.hr_core.people.people_samples import FILE, NOW, SIGN, load, send, state

MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
OCTOBER = Month(2026, 10)


@pytest.fixture
def plant(engine, tmp_path):
    load(engine, tmp_path)
    return engine


def do(engine, change, *args, **more):
    with writing(engine) as conn:
        return change(conn, *args, SIGN, **more)


def who(engine, number, on):
    with engine.connect() as conn:
        return person_of_number(conn, number, on)


def test_a_number_is_looked_up_with_a_day(plant):
    do(plant, renumber, "1001", "2001", JUNE)
    do(plant, renumber, "1002", "1001", JULY)  # given again
    assert who(plant, "1001", MAY) == "1001"
    assert who(plant, "2001", JUNE) == "1001"
    assert who(plant, "1001", JULY) == "1002"
    with pytest.raises(NotFoundError, match="person 1001 has it until 2026-06-01"):
        who(plant, "1001", JUNE)
    with plant.connect() as conn:
        assert number_on(conn, "1001", MAY) == "1001"
        assert number_on(conn, "1001", JULY) == "2001"


def test_a_number_of_somebody_else_is_refused_and_nothing_changes(plant):
    before = state(plant)
    with pytest.raises(ChangeRefusedError, match="1002 would be both person 1002"):
        do(plant, renumber, "1001", "1002", JUNE)
    assert state(plant) == before
    with plant.connect() as conn:
        assert log.entries(conn) == []


def test_every_change_stands_in_the_audit_log_with_who_and_why(plant):
    number = do(plant, renumber, "1001", "2001", JUNE)
    with plant.connect() as conn:
        [entry] = log.entries(conn, subject="person 1001")
        assert log.verify(conn).faults == ()
    assert (entry.number, entry.actor, entry.action) == (number, "ann", "people.renumber")
    assert entry.reason == "as the paper says"
    assert entry.after["employee_numbers"][0]["valid_until"] == "2026-06-01"


def test_leaving_frees_number_ids_and_places(plant, tmp_path):
    do(plant, leave, "1001", JUNE)
    load(plant, tmp_path, f"""
[site]
zone = "Asia/Shanghai"
[[person]]
number = "1001"
from = {JULY}
name = "Another"
shift = "D"
base = "1"
devices = [{{ user_id = "1", from = {JULY} }}]
""")  # fmt: skip
    assert who(plant, "1001", MAY) == "1001"
    assert who(plant, "1001", JULY) == "1001~2"
    send(
        plant,
        ("1", "2026-05-31T08:00:00"),
        ("1", "2026-06-15T08:00:00"),
        ("1", "2026-07-01T08:00:00"),
    )
    with plant.connect() as conn:
        roster = load_roster(conn)
        owners = {
            month: {
                number: len(found)
                for number, found in punches_of_month(
                    conn, roster, Month(2026, month)
                ).by_person.items()
                if found
            }
            for month in (5, 7)
        }
        waiting = punches_of_month(conn, roster, Month(2026, 6)).unmapped
        assert memberships_of(conn, "1001")[0].valid_until == JUNE
    assert owners[5] == {"1001": 1}
    assert owners[7] == {"1001~2": 1}
    assert sum(one.punches for one in waiting) == 1
    with pytest.raises(ChangeRefusedError, match="has left already"):
        do(plant, leave, "1001", JUNE)


def test_a_file_that_still_names_a_leaver_is_refused_with_the_row(plant, tmp_path):
    do(plant, leave, "1002", JUNE)
    with pytest.raises(InputFileError) as refused:
        load(plant, tmp_path)
    assert refused.value.key == "person[1].number"
    assert "until 2026-06-01" in str(refused.value)


def test_coming_back_takes_the_old_number_when_it_is_free(plant):
    do(plant, leave, "1001", JUNE)
    do(plant, rehire, "1001", JULY)
    assert who(plant, "1001", JULY) == "1001"
    with plant.connect() as conn:
        contracts = employments_of(conn, "1001")
    assert [one.contract for one in contracts] == ["1001/1", "1001/2"]
    do(plant, leave, "1001", date(2026, 8, 1))
    do(plant, renumber, "1002", "1001", date(2026, 8, 2))
    with pytest.raises(ChangeRefusedError, match="1001 would be both"):
        do(plant, rehire, "1001", date(2026, 9, 1))
    do(plant, rehire, "1001", date(2026, 9, 1), number="3001")
    assert who(plant, "3001", date(2026, 9, 1)) == "1001"


def test_two_contracts_may_run_on_the_same_day(plant):
    agency = Contract(kind=Kind.EXTERNAL, employer="Agency")
    do(plant, rehire, "1001", JUNE, contract=agency)
    with plant.connect() as conn:
        both = [one.kind for one in employments_of(conn, "1001") if one.days.covers(JUNE)]
    assert both == [Kind.EMPLOYEE, Kind.EXTERNAL]
    assert who(plant, "1001", JUNE) == "1001"  # the number is kept
    with pytest.raises(ChangeRefusedError, match="has such a contract from 2026-06-01"):
        do(plant, rehire, "1001", JULY, contract=agency)


def test_merged_records_are_one_and_their_old_slips_stay(plant):
    send(
        plant,
        *((user, f"2026-10-12T{at}:00") for user in "12" for at in ("07:55", "17:05")),
    )
    with writing(plant) as conn:
        first = add_run(conn, compute_run(conn, OCTOBER, NOW))
    do(plant, merge, "1001", "1002")
    with writing(plant) as conn:
        second = add_run(conn, compute_run(conn, OCTOBER, NOW))
        assert slip_of(conn, first, "1002") is not None
        assert [row.number for row in slips_of_run(conn, second)] == ["1001", "1003"]
        roster = load_roster(conn)
        assert len(punches_of_month(conn, roster, OCTOBER).by_person["1001"]) == 4
        assert roster.current("1002") == "1001"
        assert roster.number_by_badge(Days())["1002"] == "1001"
        with pytest.raises(NotFoundError, match="merged into 1001"):
            attendance_of(conn, "1002", OCTOBER, NOW)
    assert who(plant, "1002", JUNE) == "1001"


def test_a_merge_survives_the_next_import_of_the_file(plant, tmp_path):
    do(plant, merge, "1001", "1002")
    with pytest.raises(InputFileError, match="numbers of one person"):
        load(plant, tmp_path)
    without = FILE.replace(FILE[FILE.index('[[person]]\nnumber = "1002"') :], "")
    load(plant, tmp_path, without)
    with plant.connect() as conn:
        mapping = load_roster(conn).device_users
    assert {(one.user_id, one.number) for one in mapping} == {
        ("1", "1001"), ("2", "1001"), ("3", "1003"),
    }  # fmt: skip


def test_a_split_gives_the_second_human_its_share_from_a_day(plant):
    new = NewRecord(name="Second", base_fen=500_000, first=JUNE)
    share = Share(device_users=(("*", "1", Days(JUNE, JULY)),), badges=("B-1",))
    done = do(plant, split, "1001", new, share)
    assert (done.person, done.number) == ("T000001", "T000001")
    with plant.connect() as conn:
        roster = load_roster(conn)
    held = [(one.number, one.days) for one in roster.device_users if one.user_id == "1"]
    assert held == [
        ("1001", Days(None, JUNE)), ("T000001", Days(JUNE, JULY)), ("1001", Days(JULY, None)),
    ]  # fmt: skip
    assert roster.people["T000001"].base_fen == 500_000
    assert roster.number_by_badge(Days())["B-1"] == "T000001"
    with pytest.raises(ChangeRefusedError, match="is not person 1001's"):
        do(plant, split, "1001", new, Share(device_users=(("CQ9", "9", Days()),)))


def test_a_key_is_never_given_to_another_human(plant):
    new = NewRecord(name="Second", base_fen=0)
    done = do(plant, split, "1001", new, Share())
    do(plant, lambda conn, sign: undo(conn, done.change, sign))
    again = do(plant, split, "1001", new, Share())
    assert (done.person, again.person) == ("T000001", "T000002")
    with plant.connect() as conn:
        assert "T000001" in conn.execute(sa.select(person_keys.c.person)).scalars().all()


def test_what_later_changes_stand_on_is_undone_after_them(plant):
    first = do(plant, renumber, "1001", "2001", JUNE)
    second = do(plant, renumber, "1001", "3001", JULY)
    with pytest.raises(ChangeRefusedError, match=f"changed since by row {second}") as refused:
        do(plant, lambda conn, sign: undo(conn, first, sign))
    assert refused.value.remedy.endswith(f"undo {second}")


def test_a_record_that_got_more_since_its_split_is_not_undone_away(plant):
    done = do(plant, split, "1001", NewRecord(name="Second", base_fen=0), Share())
    with writing(plant) as conn:
        map_device_user(conn, done.person, ("CQ1", "77"), Days(), SIGN)
    with pytest.raises(ChangeRefusedError, match="left without its person T000001"):
        do(plant, lambda conn, sign: undo(conn, done.change, sign))


def test_an_undo_is_undone_like_any_change(plant):
    number = do(plant, merge, "1001", "1002")
    merged = state(plant)
    back = do(plant, lambda conn, sign: undo(conn, number, sign))
    do(plant, lambda conn, sign: undo(conn, back, sign))
    assert state(plant) == merged


@pytest.mark.parametrize("number", [99, 1])
def test_only_a_change_of_people_is_undone(plant, number):
    with writing(plant) as conn:
        log.append(conn, NOW, "ann", "account.made", "bob", None, None, "")
    with pytest.raises(NotFoundError, match="no change of people"):
        do(plant, lambda conn, sign: undo(conn, number, sign))


def test_a_record_is_not_merged_with_itself_or_with_nobody(plant):
    with pytest.raises(ChangeRefusedError, match="with itself"):
        do(plant, merge, "1001", "1001")
    with pytest.raises(NotFoundError, match="no person '9'"):
        do(plant, merge, "1001", "9")


def test_joined_days_neither_overlap_nor_touch():
    spans = [Days(JUNE, JULY), Days(None, MAY), Days(JULY, None), Days(JUNE, JULY)]
    assert union(spans) == [Days(None, MAY), Days(JUNE, None)]
    assert union([Days(MAY, JUNE), Days(JUNE, JULY)]) == [Days(MAY, JULY)]
    assert union([Days(MAY, None), Days(JUNE, JULY)]) == [Days(MAY, None)]


somebody = st.integers(0, 9)  # of those who are there then
numbers = st.sampled_from(["1001", "1002", "2001", "2002", "2003"])
days = st.sampled_from([MAY, JUNE, JULY])
orders = st.lists(
    st.one_of(
        st.tuples(st.just(merge), somebody, somebody),
        st.tuples(st.just(split), somebody, days),
        st.tuples(st.just(renumber), somebody, numbers, days),
        st.tuples(st.just(leave), somebody, days),
        st.tuples(st.just(rehire), somebody, days),
    ),
    min_size=2,
    max_size=8,
)


def obey(conn, order):
    there = conn.execute(sa.select(people.c.number).order_by(people.c.number)).scalars().all()
    what, index, *facts = order
    person = there[index % len(there)]
    if what is merge:
        return merge(conn, person, there[facts[0] % len(there)], SIGN)
    if what is split:
        own = load_roster(conn).device_users
        ids = [(one.serial, one.user_id) for one in own if one.number == person]
        share = Share(device_users=tuple((*one, Days(facts[0])) for one in ids[:1]))
        return split(conn, person, NewRecord(name="S", base_fen=0), share, SIGN).change
    if what is rehire:
        agency = Contract(kind=Kind.EXTERNAL, employer="Agency")
        return rehire(conn, person, facts[0], SIGN, contract=agency)
    return what(conn, person, *facts, SIGN)


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orders")
    engine = open_database("sqlite://")  # in memory: no sync for each of the thousand changes
    initialise(engine)
    load(engine, folder)
    yield engine
    engine.dispose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(orders)
def test_any_sequence_undone_in_reverse_order_gives_the_same_state_back(memory, given_orders):
    engine = memory
    seen = [state(engine)]
    made = []
    for order in given_orders:
        try:
            with writing(engine) as conn:
                made.append(obey(conn, order))
        except CoreError:  # refused whole: nothing has changed
            assert state(engine) == seen[-1]
        else:
            seen.append(state(engine))
            with engine.connect() as conn:  # what is stored is always what engines can work with
                roster = load_roster(conn)
            assert {one.number for one in roster.device_users} <= set(roster.people)
            assert {who for _, who, _ in roster.numbers} <= set(roster.people)
    for number in reversed(made):
        assert state(engine) == seen.pop()
        with writing(engine) as conn:
            undo(conn, number, SIGN)
    assert state(engine) == seen.pop()


def test_the_property_can_fail(plant):
    before = state(plant)
    with writing(plant) as conn:
        renumber(conn, "1001", "2001", JUNE, SIGN)
    assert state(plant) != before
    with writing(plant) as conn:
        conn.execute(sa.update(people).values(name="x"))
    assert state(plant)["people"] != before["people"]
