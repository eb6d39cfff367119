"""Memories that fill up and lines that get worse: what is told, when, and how often."""

import pytest

from drivers.vitals import Alarm, LineQuality, Memory, Vitals
from edge_agent.supervisor.vitals import WINDOW_S, VitalsWatch, line_fault, memory_warning


def punches(used: int | None, capacity: int | None = 1_000) -> Vitals:
    return Vitals(memories=(Memory(name="punches", used=used, capacity=capacity),))


def crossings(*counts: int | None) -> list[tuple[int, bool]]:
    watch = VitalsWatch("gate")
    return [
        (crossed.step, crossed.rising)
        for used in counts
        for crossed in watch.look(punches(used), 0.0)
    ]


def test_each_step_is_told_once_on_the_way_up() -> None:
    assert crossings(799, 800, 801, 899, 900, 949, 950, 999) == [
        (80, True), (90, True), (95, True),
    ]  # fmt: skip


def test_a_count_that_wavers_around_a_step_is_told_once() -> None:
    assert crossings(799, 800, 795, 801, 781, 800) == [(80, True)]
    assert crossings(951, 931, 951) == [(95, True)]


def test_room_that_was_made_is_told_and_the_step_counts_anew() -> None:
    assert crossings(960, 0, 960) == [(95, True), (0, False), (95, True)]
    assert crossings(960, 920, 879, 770) == [(95, True), (90, False), (80, False), (0, False)]


@pytest.mark.parametrize(("used", "capacity"), [(None, 1_000), (990, None), (990, 0), (None, None)])
def test_what_is_not_known_is_no_alarm(used: int | None, capacity: int | None) -> None:
    watch = VitalsWatch("gate")
    assert watch.look(punches(used, capacity), 0.0) == []
    vitals = watch.vitals()
    assert vitals.memories[0].percent is None
    assert vitals.warnings == ()


def test_a_count_that_gets_unknown_forgets_nothing_and_claims_nothing() -> None:
    watch = VitalsWatch("gate")
    watch.look(punches(960), 0.0)
    assert watch.look(punches(None), 0.0) == []
    assert watch.vitals().warnings == ()
    assert watch.look(punches(960), 0.0) == []


@pytest.mark.parametrize(("step", "severity"), [(80, "warn"), (90, "warn"), (95, "bad")])
def test_severity_and_remedy_go_with_the_step(step: int, severity: str) -> None:
    memory = Memory(name="punches", used=step * 1_000, capacity=100_000)
    warning = memory_warning(memory, step, "gate")
    assert (warning.code, warning.severity) == ("memory_filling", severity)
    assert warning.what == f"punches: {step} % full ({step},000 of 100,000)"
    assert "USB stick" in warning.remedy
    assert "device clear gate --yes" in warning.remedy


def test_people_are_not_deleted_by_clearing_the_log() -> None:
    warning = memory_warning(Memory(name="faces", used=99, capacity=100), 95, "gate")
    assert "clear" not in warning.remedy
    assert "people who have left" in warning.remedy


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"requests": 100, "repeats": 10}, "10 of 100 requests had to be repeated"),
        ({"requests": 100, "timeouts": 12}, "12 of 100 requests"),
        ({"requests": 100, "packets": 500, "wrong_checksums": 5}, "5 of 500 packets"),
        ({"requests": 1, "losses": 3}, "the connection broke 3 times"),
        ({"stream": False, "packets": 0, "wrong_checksums": 90}, "90 of 90 packets"),
    ],
)
def test_a_bad_line(counts: dict[str, int], words: str) -> None:
    assert words in line_fault(LineQuality(**counts))


@pytest.mark.parametrize(
    "counts",
    [
        {"requests": 1_000, "repeats": 20, "packets": 5_000, "wrong_checksums": 4},
        {"requests": 20, "repeats": 19, "packets": 20, "wrong_checksums": 3},  # too few to say
        {"requests": 100, "packets": 100, "wrong_checksums": 100},  # a K40, over TCP
        {"requests": 100, "losses": 2},
    ],
)
def test_a_line_that_is_good_enough(counts: dict[str, int]) -> None:
    assert line_fault(LineQuality(**counts)) == ""


def line(**counts: int) -> Vitals:
    return Vitals(line=LineQuality(**counts))


def test_counts_outlive_the_driver_and_old_faults_are_forgotten() -> None:
    watch = VitalsWatch("gate")
    watch.look(line(connections=1, requests=200, repeats=100), 0.0)
    watch.driver_ended()
    watch.look(line(connections=1, requests=100), 1.0)
    assert watch.vitals().line == LineQuality(connections=2, requests=300, repeats=100)
    (warning,) = watch.vitals().warnings
    assert (warning.code, warning.severity) == ("bad_line", "warn")
    assert "100 of 300" in warning.what
    for beat in range(1, 4):
        watch.look(line(connections=1, requests=100 + beat * 100), beat * WINDOW_S)
    assert watch.vitals().warnings == ()
    assert watch.vitals().line.repeats == 100


def test_a_driver_that_counts_nothing() -> None:
    watch = VitalsWatch("gate")
    watch.look(Vitals(), 0.0)
    watch.driver_ended()
    assert watch.vitals().line is None
    assert watch.vitals().warnings == ()


def test_an_alarm_of_the_driver_is_passed_on() -> None:
    watch = VitalsWatch("gate")
    watch.look(Vitals(alarms=(Alarm(code="log_unreadable", what="no", remedy="do"),)), 0.0)
    (warning,) = watch.vitals().warnings
    assert (warning.code, warning.severity, warning.what) == ("log_unreadable", "bad", "no")
    watch.look(Vitals(), 1.0)
    assert watch.vitals().warnings == ()
