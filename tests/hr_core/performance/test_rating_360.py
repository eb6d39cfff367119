"""360 degrees: the weighted score, and that nobody learns who said what."""

from fractions import Fraction

import pytest
import sqlalchemy as sa

from hr_core.errors import RefusedError
from hr_core.performance.rating_360 import close_round, invite, rate, round_of, shown_to_rated
from hr_core.performance.score_rules import shipped_rules
from hr_core.performance.two_way import result_360
from hr_core.store.database import writing
from hr_core.store.ratings_360 import ratings_360
from tests.hr_core.performance.score_desk import HR, NOW, WORKER, act

RULES = shipped_rules().on(NOW.date()).rate360


def given(**scores):
    return [(name, Fraction(one)) for name, several in scores.items() for one in several]


def test_superior_peer_and_junior_weigh_50_30_20():
    found = result_360(given(superior=[80], peer=[90], junior=[85]), RULES)
    assert found.score == 84
    assert found.by_relation == {}


def test_fewer_than_three_raters_are_hidden():
    found = result_360(given(superior=[80], peer=[90]), RULES)
    assert found.score is None
    assert found.raters == 2


def test_a_relation_that_nobody_has_leaves_its_weight():
    assert result_360(given(superior=[80], peer=[90, 90]), RULES).score == Fraction(8375, 100)


def test_a_mean_that_would_be_one_persons_mark_is_not_shown():
    alone = result_360(given(superior=[60], peer=[80, 90, 100]), RULES)
    assert alone.by_relation == {}  # the superior's mark would follow by subtraction
    many = result_360(given(superior=[60, 70, 80], peer=[80, 90, 100]), RULES)
    assert many.by_relation == {"superior": 70, "peer": 90}


def test_the_rated_persons_read_has_no_rater(engine):
    raters = {"R-superior": "superior", "R-peer": "peer", "R-junior": "junior"}
    with writing(engine) as conn:
        for name, relation in raters.items():
            invite(conn, WORKER, "2026-10", name, relation, act(HR))
        for name, score in zip(raters, (80, 90, 85), strict=True):
            rate(conn, WORKER, "2026-10", Fraction(score), f"signed {name}", act(name))
        with pytest.raises(RefusedError, match="is not closed"):
            shown_to_rated(conn, WORKER, "2026-10")
        with pytest.raises(RefusedError, match="stays hidden"):
            round_of(conn, WORKER, "2026-10", act("login", also=(WORKER,)))
        close_round(conn, WORKER, "2026-10", act(HR))
        shown = shown_to_rated(conn, WORKER, "2026-10")
    assert shown.score == 84
    assert not any(name in repr(shown) for name in raters)
    assert set(shown.__struct_fields__) == {"raters", "least_raters", "score", "by_relation"}


def test_only_invited_people_rate_and_nobody_after_the_end(engine):
    with writing(engine) as conn:
        with pytest.raises(RefusedError, match="neither rates itself nor chooses"):
            invite(conn, WORKER, "2026-10", WORKER, "peer", act(HR))
        with pytest.raises(RefusedError, match="neither rates itself nor chooses"):
            invite(conn, WORKER, "2026-10", "R1", "peer", act(WORKER))
        invite(conn, WORKER, "2026-10", "R1", "peer", act(HR))
        with pytest.raises(RefusedError, match="invited already"):
            invite(conn, WORKER, "2026-10", "R1", "junior", act(HR))
        with pytest.raises(RefusedError, match="not invited"):
            rate(conn, WORKER, "2026-10", Fraction(90), "", act("R2"))
        with pytest.raises(RefusedError, match="a rating of 101"):
            rate(conn, WORKER, "2026-10", Fraction(101), "", act("R1"))
        rate(conn, WORKER, "2026-10", Fraction(90), "", act("R1"))
        with pytest.raises(RefusedError, match="cannot close"):
            close_round(conn, WORKER, "2026-10", act(WORKER))
        assert close_round(conn, WORKER, "2026-10", act(HR)).score is None
        with pytest.raises(RefusedError, match="is closed"):
            rate(conn, WORKER, "2026-10", Fraction(10), "", act("R1"))
    with pytest.raises(sa.exc.IntegrityError, match="closed"), writing(engine) as conn:
        conn.execute(ratings_360.update().values(score="10"))
