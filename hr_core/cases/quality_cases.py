"""Cases of defect rates: the grade, and whom it alerts. By the house rules that hold today."""

from datetime import date

from hr_core.cases.case_input import Fields, Json, whole
from hr_core.cases.performance_cases import consequence_of, scheme_of
from hr_core.quality.alert_rules import load_alert_rules
from hr_core.quality.grades import grade_by_rate, load_grades

# Cases have no date; the rules of one day answer them all.
_ON = date(2026, 1, 1)


def _counted(given: Fields) -> tuple[int, int]:
    return given.read("inspected", whole), given.read("defects", whole)


def _impossible(inspected: int, defects: int) -> Json:
    """Counts that nobody grades are refused."""
    if 0 <= defects <= inspected:
        return None
    return {"refused": f"{defects} defects of {inspected} inspected"}


def _defect_grade(given: Fields, _: Json) -> Json:
    inspected, defects = _counted(given)
    scheme = scheme_of(given)
    if refused := _impossible(inspected, defects):
        return refused
    grade = grade_by_rate(inspected, defects, load_grades().on(_ON))
    return {
        "rate_percent": 100 * defects / inspected if inspected else None,
        "grade": grade,
        "manager_alert": load_alert_rules().on(_ON).over("person", inspected, defects),
        "consequence": consequence_of(scheme, grade),
    }


def _line_alert(given: Fields, _: Json) -> Json:
    inspected, defects = _counted(given)
    if refused := _impossible(inspected, defects):
        return refused
    return {"line_alert": load_alert_rules().on(_ON).over("line", inspected, defects)}


KINDS = {"defect_grade": _defect_grade, "line_alert": _line_alert}
