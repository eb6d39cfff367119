from hypothesis import given
from hypothesis import strategies as st

from hr_core.web.day_picture import Bar, Lane, Mark, day_picture

NOON = 739_900 * 86_400 + 12 * 3600


def bar(start, end):
    return Bar(start=start, end=end, kind="regular", title="")


def mark(at):
    return Mark(at=at, kind="used", title="", link="#p1")


def test_nothing_to_draw_is_no_picture():
    assert day_picture([Lane(label="a"), Lane(label="b")]) is None


def test_a_lone_punch_has_ten_hours_around_it():
    picture = day_picture([Lane(label="punches", marks=(mark(NOON),))])
    assert picture.width == 600
    assert picture.hours[0] == (0, "11")
    (drawn,) = picture.lanes[0].marks
    assert drawn.x == "60.0"


def test_a_night_is_named_by_the_hours_of_its_clock():
    night = NOON + 8 * 3600
    picture = day_picture([Lane(label="counted", bars=(bar(night, night + 12 * 3600),))])
    assert [name for _, name in picture.hours][:6] == ["19", "20", "21", "22", "23", "00"]


def test_lanes_stand_below_each_other():
    lanes = [Lane(label=name, marks=(mark(NOON),)) for name in "abc"]
    tops = [lane.y for lane in day_picture(lanes).lanes]
    assert tops == sorted(set(tops))


spans = st.tuples(st.integers(0, 20 * 86_400), st.integers(1, 86_400))


@given(st.lists(spans, min_size=1, max_size=12))
def test_everything_drawn_lies_within_the_picture(found):
    bars = tuple(bar(NOON + start, NOON + start + length) for start, length in found)
    marks = tuple(mark(NOON + start) for start, _ in found)
    picture = day_picture([Lane(label="a", bars=bars), Lane(label="b", marks=marks)])
    assert 600 <= picture.width <= 3 * 1440
    for one in picture.lanes[0].bars:
        assert 0 <= float(one.x) <= float(one.x) + float(one.width) <= picture.width + 0.1
    assert all(0 <= float(one.x) <= picture.width for one in picture.lanes[1].marks)
    assert len(picture.hours) <= 73
