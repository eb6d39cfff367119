"""Piece pay from values: bands, quota, overtime, rework, group split, scrap within the cap, top-up."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import DayKind
from hr_core.law.national import national_law
from hr_core.law.rows import Item, LawRow, Status
from hr_core.money import multiply_fen
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.piece.group_lines import GroupMember, GroupMonth, group_lines
from hr_core.pay.piece.group_split import split_fen, whole_weights
from hr_core.pay.piece.lines import PieceTerms, person_lines
from hr_core.pay.piece.made import Made, What
from hr_core.pay.piece.prices import Goods, NoPriceError, PriceBook, split_by_band
from hr_core.pay.piece.scrap import ScrapTerms, scrap_line
from hr_core.pay.piece.table_file import parse_table, table_of
from hr_core.pay.piece.top_up import top_up_line
from hr_core.pay.slip import Side
from hr_core.trace.calculation import DayInput, TallyInput, WorkInput, replay

NATIONAL = national_law()
OVERTIME = NATIONAL.overtime_on(date(2026, 10, 1))
P1 = Goods("P1", "weld")
TABLE = """
schema = "clockline-pieces/1"
name = "prices 2026"
source = "price list 2026-09, works council"

[[price]]
product = "P1"
process = "weld"
from = 2026-01-01
{price}
"""


def terms(price, more=""):
    read = parse_table(TABLE.format(price=price) + more, file="prices.toml")
    return PieceTerms(PriceBook([table_of(read, version="piece-price/1", file="x")]), OVERTIME)


def tally(pieces, day="2026-10-12", number=1):
    return TallyInput(
        number=number, file="t.csv", row=2, day=day, pieces=pieces, entered_by="clerk"
    )


def made(pieces, day=12, *, overtime=None, what=What.MADE, goods=P1, number=1):
    on = date(2026, 10, day)
    return Made(
        day=on,
        goods=goods,
        what=what,
        overtime=overtime,
        tallies=(tally(pieces, str(on), number),),
    )


def counted(amount, metric="pieces"):
    return WorkInput(
        source="box",
        tag=metric,
        metric=metric,
        reject_code=None,
        badge="B7",
        first_event="aa",
        last_event="bb",
        first_value=0,
        last_value=amount,
        readings=2,
        amount=amount,
        flags=(),
    )


def amounts(lines):
    for line in lines:
        assert replay(line.trace) == line.amount_fen
    return {line.code: line.amount_fen for line in lines}


def test_one_price_is_exact_until_one_rounding():
    lines = person_lines([made(333)], terms('price = "0.0835"'))
    assert amounts(lines) == {"piece:P1:weld": 2781}  # 333 x 8.35 = 2780.55
    facts = lines[0].trace.facts
    assert (facts["price"], facts["pieces"], facts["paid"]) == ("0.0835", "333", "333 x 0.0835")


def test_tiers_pay_each_piece_by_its_band_or_all_by_the_last_one():
    tiers = 'price = "1.00"\ntiers = [{over = 100, price = "1.20"}, {over = 150, price = "1.50"}]\n'
    work = [made(90, 12), made(90, 13, number=2)]
    assert amounts(person_lines(work, terms(tiers))) == {"piece:P1:weld": 10000 + 6000 + 4500}
    assert amounts(person_lines(work, terms(tiers + 'pays = "all"'))) == {"piece:P1:weld": 27000}
    # by the day nobody leaves the first band
    assert amounts(person_lines(work, terms(tiers + 'per = "day"'))) == {"piece:P1:weld": 18000}


def test_above_the_quota_another_price_and_the_slip_can_say_it():
    quota = 'price = "0.50"\nquota = 200\nabove_quota = "0.60"\nper = "day"'
    lines = person_lines([made(260, 12), made(200, 13, number=2)], terms(quota))
    assert amounts(lines) == {"piece:P1:weld": 400 * 50 + 60 * 60}
    facts = lines[0].trace.facts
    assert facts["quota"] == "200"
    assert facts["above_quota"] == "0.6"
    assert facts["per"] == "day"
    assert facts["paid"] == "400 x 0.5; 60 x 0.6"


def test_overtime_pieces_come_after_those_of_regular_hours_and_are_multiplied():
    quota = 'price = "0.50"\nquota = 100\nabove_quota = "0.60"'
    work = [
        made(80),
        made(40, overtime=DayKind.WORKDAY, number=2),
        made(10, 18, overtime=DayKind.REST_DAY, number=3),
        made(10, 1, overtime=DayKind.STATUTORY_HOLIDAY, number=4),
    ]
    lines = person_lines(work, terms(quota))
    assert amounts(lines) == {
        "piece:P1:weld": 80 * 50,
        "piece_overtime_workday:P1:weld": (20 * 50 + 20 * 60) * 3 // 2,
        "piece_overtime_rest_day:P1:weld": 10 * 60 * 2,
        "piece_overtime_statutory_holiday:P1:weld": 10 * 60 * 3,
    }
    (law,) = lines[1].trace.law
    assert (law.item, law.version) == ("overtime", OVERTIME.version)
    assert lines[1].trace.facts["factor"] == "1.5"


def test_rejects_of_the_same_counter_are_not_paid_and_stay_in_the_trace():
    one = Made(day=date(2026, 10, 12), goods=P1, work=(counted(100), counted(4, "rejects")))
    (line,) = person_lines([one], terms('price = "1"'))
    assert amounts([line]) == {"piece:P1:weld": 9600}
    assert line.trace.event_ids == ("aa", "bb")
    with pytest.raises(PayRefusedError, match="more rejects than pieces"):
        person_lines(
            [Made(day=one.day, goods=P1, work=(counted(4, "rejects"),))], terms('price = "1"')
        )


def test_rework_is_paid_by_its_rule_and_refused_without_one():
    work = [made(10, what=What.REWORK), made(3, what=What.OWN_REWORK, number=2)]
    paid = person_lines(work, terms('price = "1"\nrework = "0.30"\nown_rework = "0"'))
    assert amounts(paid) == {"piece_rework:P1:weld": 300, "piece_own_rework:P1:weld": 0}
    with pytest.raises(PayRefusedError, match="does not say what own_rework"):
        person_lines(work, terms('price = "1"\nrework = "0.30"'))


def test_pieces_without_a_price_of_that_day_are_refused_by_name():
    early = Made(day=date(2025, 12, 31), goods=P1, tallies=(tally(5),))
    with pytest.raises(NoPriceError, match="P1 / weld on 2025-12-31"):
        person_lines([early], terms('price = "1"'))


def test_a_grade_has_its_own_price_else_that_of_all_grades():
    more = '[[price]]\nproduct="P1"\nprocess="weld"\ngrade="A"\nfrom=2026-01-01\nprice="1.10"\n'
    work = [made(10, goods=P1._replace(grade=grade), number=n) for n, grade in enumerate("AB")]
    assert amounts(person_lines(work, terms('price = "1"', more))) == {
        "piece:P1:weld:A": 1100,
        "piece:P1:weld:B": 1000,
    }


def test_a_price_that_changes_in_the_month_makes_two_lines():
    more = '[[price]]\nproduct="P1"\nprocess="weld"\nfrom=2026-10-13\nprice="1.10"\n'
    lines = person_lines([made(10), made(10, 13, number=2)], terms('price = "1"', more))
    assert amounts(lines) == {"piece:P1:weld": 1000, "piece:P1:weld@2026-10-13": 1100}


@given(
    bands=st.lists(st.tuples(st.integers(1, 500), st.integers(0, 900)), max_size=4),
    cuts=st.lists(st.integers(0, 400), min_size=1, max_size=6),
    pays=st.sampled_from(["each", "all"]),
)
def test_every_piece_is_paid_once_by_one_band(bands, cuts, pays):
    edges = sorted({over for over, _ in bands})
    prices = sorted(price for _, price in bands)[: len(edges)]
    tiers = ", ".join(
        f'{{over = {over}, price = "{price + 10}"}}'
        for over, price in zip(edges, prices, strict=True)
    )
    book = terms(f'price = "10"\ntiers = [{tiers}]\npays = "{pays}"').book
    row = book.row(P1, date(2026, 10, 1))
    total, first, summed = sum(cuts), 0, {}
    for pieces in cuts:
        parts = split_by_band(row, first, pieces, total)
        assert sum(parts.values()) == pieces
        for band, count in parts.items():
            summed[band] = summed.get(band, 0) + count
        first += pieces
    one_by_one = {}
    for at in range(total):
        reached = total - 1 if pays == "all" else at
        band = max((one for one in row.bands if one.over <= reached), key=lambda one: one.over)
        one_by_one[band] = one_by_one.get(band, 0) + 1
    assert {band: n for band, n in summed.items() if n} == one_by_one


def day_inputs(*minutes, first=12):
    return tuple(
        DayInput(f"2026-10-{first + at:02d}", one, ()) for at, one in enumerate(minutes) if one
    )


def member(person, coefficient, *minutes, overtime=()):
    return GroupMember(
        person=person,
        coefficient=Fraction(coefficient),
        regular=day_inputs(*minutes),
        overtime=day_inputs(*overtime),
    )


def test_a_group_result_goes_by_hours_and_coefficient_to_the_last_fen():
    group = GroupMonth(
        code="G1",
        made=(made(100),),
        members=(member("E1", "1.2", 480), member("E2", "1", 480), member("E3", "1", 240)),
    )
    found = group_lines(group, terms('price = "1"'))
    fen = {person: amounts(lines)["piece_group:G1:P1:weld"] for person, lines in found.items()}
    assert fen == {"E1": 4444, "E2": 3704, "E3": 1852}  # 4444.4, 3703.7, 1851.85: two fen left
    facts = found["E2"][0].trace.facts
    assert facts["last_fen"] == "1"
    assert facts["group_weight"] == "21.6"
    assert facts["hours"] == "8"
    assert facts["group_amount_fen"] == "10000"


def test_a_coefficient_that_changes_in_the_month_counts_on_its_days():
    group = GroupMonth(
        code="G1",
        made=(made(100), made(100, 13, number=2)),
        members=(
            member("E1", "1", 480),
            member("E1", "1.5", 0, 480),
            member("E2", "1", 480, 480),
        ),
    )
    found = group_lines(group, terms('price = "0.09"'))
    assert amounts(found["E1"]) == {
        "piece_group:G1:P1:weld": 400,
        "piece_group:G1:P1:weld@2026-01-01": 600,
    }
    assert amounts(found["E2"]) == {"piece_group:G1:P1:weld": 800}


def test_overtime_of_a_group_goes_by_overtime_and_only_by_the_days_it_was_made():
    group = GroupMonth(
        code="G1",
        made=(made(10, overtime=DayKind.WORKDAY), made(50, 13, number=2)),
        members=(
            member("E1", "1", 480, 0, overtime=(120,)),
            member("E2", "1", 480, 480, overtime=(0, 60)),
        ),
    )
    found = group_lines(group, terms('price = "1"'))
    assert amounts(found["E1"]) == {"piece_group_overtime_workday:G1:P1:weld": 1500}
    assert amounts(found["E2"]) == {"piece_group:G1:P1:weld": 5000}


def test_a_member_sees_nothing_of_the_others():
    group = GroupMonth(
        code="G1",
        made=(Made(day=date(2026, 10, 12), goods=P1, work=(counted(90),)),),
        members=(member("E1", "1", 480), member("SECRET", "1", 480)),
    )
    (line,) = group_lines(group, terms('price = "1"'))["E1"]
    assert "SECRET" not in str(line)
    assert "B7" not in str(line)


def test_a_group_without_hours_is_refused_with_who_can_mend_it():
    group = GroupMonth(code="G1", made=(made(10),), members=(member("E1", "1"),))
    with pytest.raises(PayRefusedError, match="group G1: 10 pieces") as refused:
        group_lines(group, terms('price = "1"'))
    assert "HR clears the members' days" in refused.value.remedy


@given(
    amount=st.integers(0, 10**9),
    people=st.dictionaries(
        st.text("abcdef", min_size=1, max_size=4),
        st.tuples(st.integers(0, 20_000), st.fractions(Fraction(1, 100), 3, max_denominator=100)),
        min_size=1,
        max_size=12,
    ),
)
def test_the_shares_always_sum_to_the_amount_and_are_fair_to_one_fen(amount, people):
    minutes = {(person, 0): one for person, (one, _) in people.items()}
    weights = whole_weights(minutes, {(person, 0): share for person, (_, share) in people.items()})
    if not sum(weights.values()):
        with pytest.raises(ValueError, match="cannot be split"):
            split_fen(amount, weights)
        return
    shares = split_fen(amount, weights)
    assert sum(one.fen for one in shares.values()) == amount
    total = sum(weights.values())
    for person, share in shares.items():
        assert abs(share.fen - Fraction(amount * weights[person], total)) < 1
        assert weights[person] or share.fen == 0
    assert shares == split_fen(amount, dict(reversed(weights.items())))


@given(
    pieces=st.lists(st.integers(0, 5000), min_size=1, max_size=4),
    price=st.integers(1, 10**6),
    minutes=st.lists(st.integers(0, 600), min_size=2, max_size=6),
)
def test_lines_of_a_group_replay_and_sum_to_what_one_person_would_get(pieces, price, minutes):
    held = terms(
        f'price = "{Fraction(price, 10**4).numerator / Fraction(price, 10**4).denominator}"'
    )
    work = [made(count, number=at) for at, count in enumerate(pieces)]
    alone = sum(amounts(person_lines(work, held)).values())
    members = tuple(member(f"E{at}", "1.1", one) for at, one in enumerate(minutes))
    if not any(minutes) and sum(pieces):
        return
    found = group_lines(GroupMonth(code="G", made=tuple(work), members=members), held)
    assert sum(sum(amounts(lines).values()) for lines in found.values()) == alone


def minimum(amount=2_740_00, *, after=False):
    return LawRow(
        city="甲",
        item=Item.MINIMUM_WAGE,
        since=date(2026, 1, 1),
        status=Status.OFFICIAL,
        source="notice",
        amount=amount,
        after_own_contributions=after,
    )


def scrap_of(pieces, wage_pieces, **more):
    held = terms('price = "1"\nscrap = "2.50"')
    earned = person_lines([made(wage_pieces)], held)
    law = NATIONAL.wage_deduction_on(date(2026, 10, 1))
    told = ScrapTerms(book=held.book, minimum=more.pop("law", minimum()), law=law, **more)
    return scrap_line([made(pieces, what=What.SCRAP)], earned, told)


def test_scrap_is_taken_within_both_bounds_and_the_rest_waits():
    small = scrap_of(10, 5000)
    assert amounts([small.line]) == {"scrap": -2500}
    assert small.left_fen == 0
    assert small.line.side is Side.DEDUCTED
    # 20 % of 5,000 yuan
    assert scrap_of(1000, 5000).line.amount_fen == -100_000
    # above the minimum wage there are 260 yuan alone
    tight = scrap_of(1000, 3000)
    assert (tight.line.amount_fen, tight.left_fen) == (-26_000, 224_000)
    # 2,900 yuan after own shares: 160 above the minimum
    own = scrap_of(1000, 3400, law=minimum(after=True), own_shares_fen=50_000)
    assert own.line.amount_fen == -16_000
    # other damages used 900 of the 1,000 yuan
    assert scrap_of(1000, 5000, already_fen=90_000).line.amount_fen == -10_000
    assert {one.item for one in tight.line.trace.law} == {"wage_deduction", "minimum_wage"}


@given(pieces=st.integers(0, 10_000), wage=st.integers(0, 20_000), already=st.integers(0, 10**6))
def test_scrap_never_breaks_the_law(pieces, wage, already):
    taken = scrap_of(pieces, wage, already_fen=already)
    assert replay(taken.line.trace) == taken.line.amount_fen
    off = -taken.line.amount_fen
    assert 0 <= off <= pieces * 250
    assert off + taken.left_fen == pieces * 250
    assert off == 0 or (
        off + already <= multiply_fen(wage * 100, 1, 5) and wage * 100 - off - already >= 2_740_00
    )


def test_top_up_is_its_own_line_with_its_row_of_law_and_without_overtime():
    held = terms('price = "1"')
    earned = person_lines([made(2000), made(900, overtime=DayKind.WORKDAY, number=2)], held)
    line = top_up_line(earned, 0, minimum(), 1, 1)
    assert amounts([line]) == {"minimum_wage_top_up": 74_000}
    assert [one.version for one in line.trace.law] == ["甲/minimum_wage/2026-01-01"]
    assert [one.code for one in line.trace.lines] == ["piece:P1:weld"]
    assert top_up_line(earned, 50_000, minimum(after=True), 1, 1).amount_fen == 124_000
    assert top_up_line(earned, 0, minimum(), 10, 22) is None  # half the month was owed
    assert top_up_line(person_lines([made(2740)], held), 0, minimum(), 1, 1) is None


@pytest.mark.parametrize(
    ("price", "fault"),
    [
        ('price = "1"\nquota = 10', "above_quota"),
        ('price = "1"\ntiers = [{over = 10, price = "0.9"}]', "falls with the quantity"),
        ('price = "1"\ntiers = [{over = 10, price = "2"}, {over = 5, price = "3"}]', "must rise"),
        ('price = "-1"', "a price of -1"),
        ('price = "0.0000001"', "six decimals"),
        ("price = 1.5", "Expected `str`"),
        ('price = "1"\nuntil = 2025-01-01', "not after its beginning"),
        ('price = "1"\nprize = "1"', "prize"),
    ],
)
def test_a_table_that_cannot_hold_is_refused_with_its_key(price, fault):
    from hr_core.errors import InputFileError

    with pytest.raises(InputFileError, match=fault) as refused:
        terms(price)
    assert refused.value.file == "prices.toml"
    assert "price[0]" in refused.value.key
