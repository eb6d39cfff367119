"""What people wrote beside a difference: kept with its pair, offered the month after."""

from datetime import UTC, datetime

import pytest

from hr_core.pay.diff.notes import DiffNote, NewNote, Notes, Standing
from hr_core.store.database import writing
from hr_core.store.pay_diff_notes import add_note, notes_of_pair

AT = datetime(2026, 11, 2, tzinfo=UTC)


def note(number=1, **more):
    fields = {
        "pair": "table old", "made_for": "2026-10", "month": "2026-10", "person": "p1",
        "line": "base", "reason": "rounded by the yuan", "until": "",
    }  # fmt: skip
    return DiffNote(number=number, noted_by="hr", noted_at=AT, **fields | more)


def standing(month, *notes, person="p1", line="base"):
    found = Notes(notes, made_for=month, month=month).of(person, line)
    return None if found is None else (found.standing, found.note.number)


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        ("2026-09", None),
        ("2026-10", Standing.NOTED),
        ("2026-11", Standing.ACCEPTED),
        ("2026-12", Standing.ACCEPTED),
        ("2027-01", Standing.OFFERED),
    ],
)
def test_a_note_of_october_until_december(month, expected):
    found = standing(month, note(until="2026-12"))
    assert found == (None if expected is None else (expected, 1))


def test_without_until_it_is_offered_and_explains_nothing():
    found = Notes([note()], made_for="2026-11", month="2026-11").of("p1", "base")
    assert (found.standing, found.explains) == (Standing.OFFERED, False)
    assert found.text == "offered from 2026-10: rounded by the yuan"


def test_the_nearest_note_speaks():
    """One made for this pair, then the person's own, then the line's own, then the newest."""
    everybody, own = note(1, person="*"), note(2)
    assert standing("2026-10", everybody, own) == (Standing.NOTED, 2)
    assert standing("2026-10", everybody, person="p9") == (Standing.NOTED, 1)
    assert standing("2026-10", own, note(3, line="*")) == (Standing.NOTED, 2)
    assert standing("2026-10", note(4), own) == (Standing.NOTED, 4)
    assert standing("2026-11", own, note(3, person="*", made_for="2026-11", month="2026-11")) == (
        Standing.NOTED,
        3,
    )
    assert standing("2026-10", own, line="tax") is None


def test_notes_are_stored_by_pair(engine):
    new = NewNote(
        pair="runs", made_for="1:2", month="2026-10", person="*", line="base", reason="raise"
    )
    with writing(engine) as conn:
        assert add_note(conn, new, by="hr", at=AT) == 1
        assert add_note(conn, NewNote(**{**_fields(new), "pair": "table x"}), by="hr", at=AT) == 2
    with engine.connect() as conn:
        (found,) = notes_of_pair(conn, "runs")
        assert notes_of_pair(conn, "table y") == ()
    assert (found.number, found.reason, found.noted_at) == (1, "raise", AT)


def _fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
