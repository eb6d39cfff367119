"""Faults as text: every knob can be named, and what cannot be understood is told."""

from dataclasses import fields

import pytest

from simulators.zk_terminal import Disturbance, Faults, Wear
from simulators.zk_terminal.knobs import (
    KnobValueError,
    UnknownKnobError,
    all_knobs,
    parse_faults,
)


def test_every_fault_of_every_class_can_be_named_and_says_what_it_does() -> None:
    known = all_knobs()
    for owner in (Faults, Disturbance, Wear):
        names = {field.name for field in fields(owner)} - {"seed", "to_terminal", "from_terminal"}
        assert names <= set(known)
    for knob in known.values():
        assert len(knob.does) > 10, knob
        assert knob.values, knob


def test_the_example_of_the_contract() -> None:
    setting = parse_faults("segment_bytes=1,refuse_auth=2005,lose=0.2", seed=7)
    both_ways = Disturbance(lose=0.2)
    assert setting.faults == Faults(
        seed=7, segment_bytes=1, refuse_auth=2005, to_terminal=both_ways, from_terminal=both_ways
    )
    assert (setting.config, setting.wear) == ({}, Wear())
    assert setting.without_effect("tcp") == ["lose"]
    assert setting.without_effect("udp") == ["segment_bytes"]


def test_every_kind_of_value() -> None:
    setting = parse_faults(
        "late_ack, stale_buffer=no, sizes_bytes=112, opening=aa0155, silent_on=13+0xC9,"
        "from_terminal.lose_nth=2+5, code_page=GB2312, clock_jump_s=-3600.5, nul_hole=9, serial=X,"
    )
    faults = setting.faults
    assert (faults.late_ack, faults.stale_buffer, faults.sizes_bytes) == (True, False, 112)
    assert (faults.opening, faults.silent_on) == (b"\xaa\x01\x55", {13, 201})
    assert (faults.from_terminal.lose_nth, faults.to_terminal.lose_nth) == ({2, 5}, frozenset())
    assert faults.serial == "X"
    assert setting.config == {"code_page": "gb2312", "clock_jump_s": -3600.5}
    assert setting.wear == Wear(nul_hole=9)


def test_what_is_not_named_stays() -> None:
    before = Faults(count=0, to_terminal=Disturbance(reorder=0.5))
    after = parse_faults("to_terminal.lose=0.1", faults=before).faults
    assert (after.count, after.to_terminal) == (0, Disturbance(reorder=0.5, lose=0.1))


@pytest.mark.parametrize("name", ["segment_byte", "", "seed", "to_terminal", "to_terminal.count"])
def test_an_unknown_name_is_told_with_all_known_ones(name: str) -> None:
    with pytest.raises(UnknownKnobError) as caught:
        parse_faults(f"{name}=1")
    assert caught.value.name == name
    assert "segment_bytes" in caught.value.known


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("segment_bytes=x", 'segment_bytes takes NUMBER, not "x"'),
        ("segment_bytes=0", 'segment_bytes takes NUMBER, not "0"'),
        ("lose=1.5", 'lose takes NUMBER, not "1.5"'),
        ("lose=nan", 'lose takes NUMBER, not "nan"'),
        ("refuse_table=70000", 'refuse_table takes NUMBER, not "70000"'),
        ("count=-1", 'count takes NUMBER, not "-1"'),
        ("sizes_bytes=93", 'sizes_bytes takes 4|80|92|112, not "93"'),
        ("late_ack=maybe", 'late_ack takes yes|no, not "maybe"'),
        ("opening=xyz", 'opening takes HEX, not "xyz"'),
        ("silent_on=1,2", "no such fault"),
        ("silent_on=1;2", 'silent_on takes NUMBER+NUMBER…, not "1;2"'),
        ("code_page=klingon", 'code_page takes TEXT, not "klingon"'),
    ],
)
def test_a_wrong_value_says_what_the_knob_takes(text: str, wanted: str) -> None:
    with pytest.raises((KnobValueError, UnknownKnobError)) as caught:
        parse_faults(text)
    assert wanted in str(caught.value)
