"""Runs a file of data/line/cases through the engines: `run_file(path)` gives one Result per case.

What a case is follows from its own keys, never from the file's name or the case's, so that other
cases of the same forms run as they are. A form nobody knows is `unsupported`, which fails the test.
"""

import csv
import json
import math
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from hr_core.quality import corrections, drift_charts, windows
from hr_core.quality.alert_rules import load_alert_rules
from hr_core.quality.attribution import attribute
from hr_core.quality.control_charts import Sample, chart, laney_chart, laney_sigma_z
from hr_core.quality.counter_facts import window_flag
from hr_core.quality.counters import CounterRules, Delta, DeltaFlag, Reading
from hr_core.quality.deltas import deltas
from hr_core.quality.grades import grade_of, load_grades
from hr_core.quality.intervals import Z_ONE_SIDED, exceeds, surely_exceeds, wilson
from hr_core.quality.presence import UNATTRIBUTED, Evidence, Presence, Timeline
from hr_core.quality.serial_pieces import Seen, charge_defect
from hr_core.quality.yields import Oee, Yield, ppm, rate, rolled_yield
from protocols.modbus.registers import unsigned

TOLERANCE = 1e-6  # what the files round to
_LATEST = max(edition.since for edition in load_grades().edition)


class UnsupportedError(Exception):
    pass


class Result(NamedTuple):
    case: str
    result: str  # "passed", "failed", "unsupported"
    differences: tuple[str, ...]


def run_file(path: Path) -> list[Result]:
    content = json.loads(path.read_text(encoding="utf-8"), parse_float=Fraction)
    shared = {key: value for key, value in content.items() if key not in {"cases", "rows"}}
    cases = content.get("cases") or content.get("rows") or _sections(content)
    results = []
    for number, case in enumerate(cases, 1):
        name = str(case.get("name") or f"{path.stem}[{number}]")
        try:
            differences = run_case(shared | case, path)
        except UnsupportedError as exc:
            results.append(Result(name, "unsupported", (str(exc),)))
            continue
        results.append(Result(name, "failed" if differences else "passed", differences))
    return results


def run_case(case: dict, path: Path) -> tuple[str, ...]:
    """The differences between what the case expects and what the engines say."""
    for keys, run in FORMS:
        if any(all(key in case for key in form) for form in keys):
            found = run(case, path)
            return tuple(
                f"{what}: expected {_shown(expected)}, got {_shown(got)}"
                for what, expected, got in found
                if not _equal(expected, got)
            )
    raise UnsupportedError(f"no form has the keys {sorted(case)}")


def _sections(content: dict) -> list[dict]:
    """A file with no list of cases is one case, or one for each of its named sections."""
    sections = [value for key, value in content.items() if key in {"cusum", "ewma"}]
    return sections or [content]


def _equal(expected, got) -> bool:
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(
            _equal(value, got[key]) for key, value in expected.items()
        )
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        return len(expected) == len(got) and all(map(_equal, expected, got))
    if isinstance(expected, bool) or isinstance(got, bool) or expected is None or got is None:
        return expected is got
    if isinstance(expected, int | Fraction | float) and isinstance(got, int | Fraction | float):
        return math.isclose(float(expected), float(got), rel_tol=0, abs_tol=TOLERANCE)
    return expected == got


def _shown(value) -> str:
    return str(float(value)) if isinstance(value, Fraction) else str(value)


# -- counters ------------------------------------------------------------------------------------


def _readings(case):
    """A third field is a sequence number ("seq2") or a boot; the place in the list is the arrival."""
    for arrival, (at, value, *rest) in enumerate(case.get("samples") or case["arrival"]):
        boot, seq = "boot", 0
        for field in rest:
            text = str(field)
            if text.startswith("seq"):
                seq = int(text.removeprefix("seq"))
            else:
                boot = text
        yield Reading(f"{boot}/{seq}/{at}/{value}", at, boot, seq, value, received_at=arrival)


def _counter(case, _path):
    # A box of these cases loses its count at a restart unless it says so (rule 4).
    rules = CounterRules(
        case["modulus"],
        case["max_rate"],
        retentive=case.get("retentive", False),
        signed=case.get("signed", False),
    )
    found = deltas(list(_readings(case)), rules)
    flags = {flag.value for delta in found for flag in delta.flags}
    expected = case.get("flag")
    yield "delta", case["delta"], sum(delta.amount for delta in found)
    normal = {DeltaFlag.BASELINE.value, DeltaFlag.LATE.value}  # nobody has to look at these
    wanted = set(expected) if isinstance(expected, list) else {expected} - {None}
    yield "flag", wanted, flags - (normal - wanted)
    if "lost_unknown" in case:
        yield "lost_unknown", case["lost_unknown"], any(delta.lost_unknown for delta in found)
    for which, amount in case.get("alternatives", {}).items():
        others = [delta.otherwise for delta in found if delta.otherwise is not None]
        yield f"alternative {which}", [amount], others


def _registers(case, _path):
    for order in ("big", "little"):
        if f"as_{order}" in case:
            yield order, case[f"as_{order}"], unsigned(case["registers_big"], order)


def _two_counters(case, _path):
    pieces, rejects = case["pieces_delta"], case["rejects_delta"]
    yield "flag", case.get("flag"), window_flag(pieces, rejects)
    if "rate" in case:
        yield "rate", case["rate"], rate(pieces, rejects)


# -- attribution ---------------------------------------------------------------------------------

_EVIDENCE = {
    "serial": Evidence.PIECE,
    "badge": Evidence.BADGE,
    "login": Evidence.LOGIN,
    "roster": Evidence.ROSTER,
}


def _work(case):
    """(since, until, pieces, rejects), from deltas or from forced reads of the piece counter."""
    if "deltas" in case:
        return [tuple(row) for row in case["deltas"]]
    reads = [Reading(str(at), at, "b", 0, value) for at, value in case["reads"]]
    return [
        (delta.start.at, delta.end.at, delta.amount, 0)
        for delta in deltas(reads, CounterRules())
        if delta.start is not None
    ]


def _attribution(case, _path):
    present = [
        Presence(person, since, until, evidence)
        for key, evidence in _EVIDENCE.items()
        for person, since, until in case.get(key, [])
    ]
    ends = [case["shift_end"]] if "shift_end" in case else []
    timeline = Timeline(present, ends)
    sums = Counter()
    for since, until, pieces, rejects in _work(case):
        owner = timeline.between(since, until).owner.name
        sums[owner, 0] += pieces
        sums[owner, 1] += rejects
    owners = {owner for owner, _ in sums} | {UNATTRIBUTED}
    rows = {owner: [sums[owner, 0], sums[owner, 1]] for owner in owners}
    if UNATTRIBUTED not in case["expect"]:
        assert rows.pop(UNATTRIBUTED) == [0, 0]
    yield "rows", case["expect"], rows


def _found_downstream(case, _path):
    produced, found = (Seen(one["station"], one["t"], one["by"]) for one in _places(case))
    charge = charge_defect(produced, found, window_end=produced.at + 1)
    text = case["expect"]
    yield "the defect's owner", True, f"belongs to {charge.owner.name}" in text
    yield "its time", True, f"t={charge.at}" in text
    yield "the inspector", True, f"inspection to {charge.inspector}" in text
    yield "restates", "restates" in text, charge.restates


def _places(case):
    return case["produced"], case["found"]


def _rule_in_words(case, _path):
    text = str(case["expect"])
    if "append-only" in text:
        yield from _correction_after_lock()
    elif "sum over" in text:
        yield from _sums_add_up()
    else:
        raise UnsupportedError(f"no rule is known in the words {text!r}")


def _correction_after_lock():
    row = corrections.Correction(
        identity="k1", subject="E1", line="L1", concerns="2026-09", pieces=0, rejects=-3,
        author="anna", approver="bo", reason="wrongly rejected", recorded_at=9,
    )  # fmt: skip
    placed = corrections.placed(row, locked=["2026-09"], open_window="2026-10")
    yield "lands in", ("2026-10", "2026-09"), (placed.window, placed.refers_to)
    locked = windows.Figure(
        subject="E1", window="2026-09", pieces=1000, rejects=30, coverage="1/1", evidence={},
        rule_version="quality/1", state=windows.WindowState.LOCKED,
    )  # fmt: skip
    try:
        windows.restated((locked,), windows.Figure(**_fields(locked) | {"rejects": 27}))
    except windows.LockedWindowError as exc:
        yield "the closed number stays", locked, exc.figure
    else:
        yield "a locked window", "refuses to change", "changed"
    opened = windows.Figure(**_fields(locked) | {"state": windows.WindowState.FINAL})
    history = windows.restated((opened,), windows.Figure(**_fields(opened) | {"rejects": 27}))
    yield "revisions", [1, 2], [one.revision for one in history]
    yield "append-only", opened, history[0]


def _fields(figure):
    return {name: getattr(figure, name) for name in figure.__struct_fields__}


def _sums_add_up():
    for seed in range(200):
        dice = random.Random(seed)
        present = [
            Presence(dice.choice("ABC"), since, since + dice.randint(1, 40), dice.choice(_KINDS))
            for since in (dice.randint(0, 90) for _ in range(dice.randint(0, 6)))
        ]
        timeline = Timeline(present)
        at, value, found = 0, 0, []
        for number in range(15):
            start = Reading(str(number), at, "b", number, value)
            at, value = at + dice.randint(0, 12), value + dice.randint(0, 9)
            end = Reading(str(number + 1), at, "b", number + 1, value)
            found.append(Delta(start, end, value - start.value))
        sums = Counter()
        for one in attribute(found, {}, timeline):
            sums[one.owner.name] += one.delta.amount
        yield f"sum of seed {seed}", value, sum(sums.values())


_KINDS = (Evidence.BADGE, Evidence.LOGIN, Evidence.ROSTER)


# -- charts --------------------------------------------------------------------------------------


def _samples(case):
    if "samples_n_d" in case:
        return "p", [Sample(d, n) for n, d in case["samples_n_d"]]
    if "defectives" in case:
        sizes = case["n_per_sample"]
        sizes = sizes if isinstance(sizes, list) else [sizes] * len(case["defectives"])
        return "p", [Sample(d, n) for d, n in zip(case["defectives"], sizes, strict=True)]
    if "c" in case:
        return "c", [Sample(found, 1) for found in case["c"]]
    if "x" in case:
        sizes = case["size"] if isinstance(case["size"], list) else [case["size"]] * len(case["x"])
        return "u", [Sample(found, n) for found, n in zip(case["x"], sizes, strict=True)]
    return "p", [Sample(d, n) for n, d in zip(case["n"], case["d"], strict=True)]


def _chart(case, path):
    kind, samples = _samples(case)
    expect = dict(case["expect"])
    if "np_bar" in expect:
        kind = "np"
    made = chart(kind, samples)
    got = {
        f"{kind}_bar": made.centre,
        "ucl": made.limits[0].upper,
        "lcl": made.limits[0].lower,
        "out": list(made.out),
        "out_of_control_samples": list(made.out),
    }
    for key in [key for key in expect if key in got]:
        wanted = expect.pop(key)
        if key in {"ucl", "lcl"} and isinstance(wanted, list):  # one for each sample
            yield key, wanted, [at.upper if key == "ucl" else at.lower for at in made.limits]
        else:
            yield key, wanted, got[key]
    yield from _laney(expect, samples, made)
    yield from _after_removal(expect, kind, samples, made)
    if "limits_by_n" in expect:
        limits = {sample.size: at for sample, at in zip(samples, made.limits, strict=True)}
        for size, bounds in expect.pop("limits_by_n").items():
            yield f"limits at n = {size}", bounds, limits[int(size)]
    yield from _days_above(expect, case, samples, path)
    yield "keys left over", [], sorted(expect)


def _laney(expect, samples, made):
    scores = [
        float(Fraction(s.found, s.size) - made.centre)
        / math.sqrt(made.centre * (1 - made.centre) / s.size)
        for s in samples
        if "laney_sigma_z_sample_sd_variant" in expect
    ]
    for key in [key for key in expect if key.startswith("laney_sigma_z")]:
        if "sample_sd" in key:  # the variant that we do not take, told apart from ours
            mean = math.fsum(scores) / len(scores)
            spread = math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
            yield key, expect.pop(key), math.sqrt(spread)
        else:
            yield key, expect.pop(key), laney_sigma_z(samples, made.centre)


def _after_removal(expect, kind, samples, made):
    again = chart(kind, samples, without=made.out)
    got = {
        f"{kind}_bar": again.centre,
        "ucl": again.limits[0].upper,
        "lcl": again.limits[0].lower,
        "still_out": list(again.out),
    }
    for key, value in expect.pop("after_removal", {}).items():
        yield f"after removal: {key}", value, got.get(key)
    if "revised" in expect:
        yield "revised", expect.pop("revised"), list(got.values())[:3]


def _days_above(expect, case, samples, path):
    if "above_ucl" not in expect and "above_laney_ucl" not in expect:
        return
    names = _days(case, path)
    _, widened = laney_chart(samples)
    for key, made in (("above_ucl", chart("p", samples)), ("above_laney_ucl", widened)):
        if key in expect:
            above = [
                names[number - 1]
                for number in made.out
                if samples[number - 1].found > made.centre * samples[number - 1].size
            ]
            yield key, expect.pop(key), above


def _days(case, path):
    """The dates behind the samples, from the capture that the case names as its source."""
    named = next(word for word in case["source"].split() if word.endswith(".csv"))
    file = path.parent.parent / named.removeprefix("data/line/")
    with file.open(newline="") as text:
        return sorted({row["ts_local"][:10] for row in csv.DictReader(text)})


def _chart_from_sums(case, _path):
    """M samples of n pieces with sum_d defectives: the limits need no more."""
    whole, left = divmod(case["sum_d"], case["m"])
    samples = [Sample(whole + (number < left), case["n"]) for number in range(case["m"])]
    made = chart("p", samples)
    yield "p_bar", case["p_bar"], made.centre
    yield "ucl", case["ucl"], made.limits[0].upper
    yield "lcl", case["lcl"], made.limits[0].lower
    if "printed_ucl" in case:
        yield "printed", case["printed_ucl"], Fraction(round(made.limits[0].upper * 10**4), 10**4)


def _cusum(case, _path):
    found = drift_charts.cusum(
        map(Fraction, case["x"]),
        centre=Fraction(case["center"]),
        sd=Fraction(case["sd"]),
        k=Fraction(case["k"]),
        h=Fraction(case["h"]),
    )
    yield "pos", case["pos"], found.upper
    yield "neg", case["neg"], found.lower
    yield "signal_upper_at", case["signal_upper_at"], found.signal_upper_at
    yield "signal_lower_at", case["signal_lower_at"], found.signal_lower_at


def _ewma(case, _path):
    found = drift_charts.ewma(
        [Fraction(x) for x in case["x"]],
        centre=Fraction(case["center"]),
        sd=Fraction(case["sd"]),
        weight=Fraction(case["lambda"]),
        sigmas=Fraction(case["nsigmas"]),
    )
    yield "ewma", case["ewma"], found.smoothed
    yield "sigma", case["sigma"], [math.sqrt(variance) for variance in found.variance]
    yield "limits", case["limits"], found.limits


# -- rates, grades, intervals --------------------------------------------------------------------


def _grade(case, _path):
    pieces, rejects = case["n"], case["d"]
    rules = load_alert_rules().on(_LATEST)
    if "grade" in case:
        yield "grade", case["grade"], grade_of(pieces, rejects, load_grades().on(_LATEST)).grade
    for key, kind in (("employee_alert_naive", "person"), ("line_alert_naive", "line")):
        if key in case:
            yield key, case[key], rules.over(kind, pieces, rejects)
    if "alert" in case:
        yield "alert", case["alert"], rules.level("person", pieces, rejects) > 0


def _interval(case, _path):
    pieces, rejects = case["pieces"], case["defects"]
    if "rate" in case:
        yield "rate", case["rate"], rate(pieces, rejects)
    yield "wilson95", case["wilson95"], wilson(pieces, rejects)
    if "clopper_pearson95" in case:  # what Wilson is held against; the product does not show it
        yield "clopper_pearson95", case["clopper_pearson95"], _clopper_pearson(pieces, rejects)


def _binomial_tail(pieces, least, p):
    """P(at least `least` of `pieces`), summed from the logarithms."""
    if least <= 0:
        return 1.0
    return math.fsum(
        math.exp(
            math.lgamma(pieces + 1) - math.lgamma(k + 1) - math.lgamma(pieces - k + 1)
            + k * math.log(p) + (pieces - k) * math.log1p(-p)
        )
        for k in range(least, pieces + 1)
    )  # fmt: skip


def _clopper_pearson(pieces, rejects):
    def root(tail):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if tail(middle) < 0.025 else (low, middle)
        return low

    low = 0.0 if rejects == 0 else root(lambda p: _binomial_tail(pieces, rejects, p))
    high = (
        1.0
        if rejects == pieces
        else 1 - root(lambda q: _binomial_tail(pieces, pieces - rejects, q))
    )
    return [low, high]


def _alert_row(case, _path):
    """The gate alone, without its minimum of pieces; tails to the places that the file prints."""
    pieces, limit = case["pieces"], Fraction(case["threshold"])
    gates = {
        "naive": lambda d: exceeds(pieces, d, limit),
        "wilson_one_sided95": lambda d: surely_exceeds(pieces, d, limit, Z_ONE_SIDED["95"]),
        "wilson_one_sided99": lambda d: surely_exceeds(pieces, d, limit, Z_ONE_SIDED["99"]),
    }
    least = {name: next(d for d in range(pieces + 1) if gate(d)) for name, gate in gates.items()}
    for key, expected in case.items():
        if key.endswith("_min_defects"):
            yield key, expected, least[key.removesuffix("_min_defects")]
        if key.startswith(("false_alarm_", "power_")):
            gate, p = key.rsplit("_if_true_p_", 1)
            name = "naive" if gate.endswith("naive") else "wilson_one_sided95"
            yield key, expected, _binomial_tail(pieces, least[name], int(p[:-3]) / 100)


def _oee(case, _path):
    minutes = 60
    planned = Fraction(case.get("planned_min") or case["shift_min"] - case["breaks_min"])
    run = Fraction(case.get("run_min") or planned - case["stop_min"])
    good = case.get("good", case["total"] - case.get("reject", 0))
    oee = Oee(
        planned_s=planned * minutes,
        run_s=run * minutes,
        ideal_cycle_s=Fraction(case["ideal_cycle_s"]),
        total=case["total"],
        good=good,
    )
    got = {
        "planned_min": planned,
        "run_min": run,
        "good": good,
        "availability": oee.availability,
        "performance": oee.performance,
        "quality": oee.quality,
        "oee": oee.value,
    }
    yield "expect", case["expect"], {key: got.get(key) for key in case["expect"]}
    yield "identity", oee.value, oee.availability * oee.performance * oee.quality


def _oee_identity(case, _path):
    if "OEE" not in case["name"]:
        raise UnsupportedError(f"no property is known as {case['name']!r}")
    dice = random.Random(1)
    for _ in range(200):
        total = dice.randint(1, 9999)
        oee = Oee(
            planned_s=Fraction(dice.randint(1, 9999)),
            run_s=Fraction(dice.randint(1, 9999), 7),
            ideal_cycle_s=Fraction(dice.randint(1, 99), 10),
            total=total,
            good=dice.randint(0, total),
        )
        yield "oee", oee.value, oee.availability * oee.performance * oee.quality


def _yield(case, _path):
    made = Yield(
        started=case["started"],
        first_time_good=case["passed_first_time"],
        reworked_good=case["reworked_ok"],
        scrapped=case["scrapped"],
    )
    got = {
        "fpy": made.first_pass,
        "final_yield": made.final,
        "scrap_ratio": made.scrap_ratio,
        "rework_ratio": made.rework_ratio,
        "defect_rate_for_grade_if_rework_counts": made.defect_rate(rework_counts=True),
        "defect_rate_for_grade_if_scrap_only": made.defect_rate(rework_counts=False),
    }
    yield "expect", case["expect"], {key: got.get(key) for key in case["expect"]}


def _rolled(case, _path):
    yield "rty", case["expect"], rolled_yield(map(Fraction, case["fpy"]))


def _ppm(case, _path):
    yield "ppm", case["expect"], ppm(case["pieces"], case["defects"])


# The first form whose keys are all there; more keys stand before fewer.
FORMS = (
    ((("samples", "delta"), ("arrival", "delta")), _counter),
    ((("registers_big",),), _registers),
    ((("pieces_delta", "rejects_delta"),), _two_counters),
    ((("deltas", "expect"), ("reads", "expect")), _attribution),
    ((("produced", "found"),), _found_downstream),
    ((("threshold", "pieces"),), _alert_row),
    ((("wilson95",),), _interval),
    ((("sum_d", "m", "n"),), _chart_from_sums),
    ((("x", "center", "k", "h"),), _cusum),
    ((("x", "center", "lambda"),), _ewma),
    (
        (
            ("defectives", "expect"), ("samples_n_d", "expect"), ("c", "expect"),
            ("x", "size", "expect"), ("n", "d", "expect"),
        ),
        _chart,
    ),
    ((("ideal_cycle_s", "total"),), _oee),
    ((("property", "name"),), _oee_identity),
    ((("started", "passed_first_time"),), _yield),
    ((("fpy", "expect"),), _rolled),
    ((("defects", "pieces", "expect"),), _ppm),
    ((("n", "d"),), _grade),
    ((("name", "expect"),), _rule_in_words),
)  # fmt: skip
