"""What waits for a second person, as one sentence."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from hr_core.approvals.desk import Approval
from hr_core.approvals.kinds import Kind
from hr_core.store.people import load_roster
from hr_core.web.fact_words import amount_text
from hr_core.web.words import Words

_OF_A_RUN = {
    Kind.RUN: "subject_run",
    Kind.PAYMENT: "subject_payment",
    Kind.REVERSAL: "subject_reversal",
}
_OF_A_FILE = {
    Kind.LAW: ("subject_law", "file"),
    Kind.SCHEME: ("subject_scheme", "code"),
    Kind.PIECE_PRICE: ("subject_prices", "name"),
    Kind.PERFORMANCE_RULES: ("subject_rules", "file"),
}


def what_it_is(one: Approval, content: Any, names: Mapping[str, str], words: Words) -> str:
    """In the page's language; what another program proposed as it says itself. `content`: with what
    the reader may not see masked.
    """
    if not isinstance(content, dict):
        return one.subject
    try:
        return _told(one.kind, content, names, words)
    except (KeyError, TypeError):
        return one.subject


def people_names(conn: sa.Connection) -> dict[str, str]:
    roster = load_roster(conn)
    return {} if roster is None else {key: one.name for key, one in roster.people.items()}


def person_text(key: str, names: Mapping[str, str]) -> str:
    return f"{names[key]} {key}" if key in names else key


def _told(kind: Kind, content: dict[str, Any], names: Mapping[str, str], words: Words) -> str:
    match kind:
        case Kind.REVERSAL if "person" in content:
            return words(
                "subject_slip_reversal",
                month=content["month"],
                run=content["run"],
                version=content["version"],
                person=person_text(content["person"], names),
            )
        case Kind.RUN | Kind.PAYMENT | Kind.REVERSAL:
            return words(_OF_A_RUN[kind], month=content["month"], run=content["run"])
        case Kind.MONTH_LOCK:
            phrase = "subject_lock" if content["lock"] else "subject_unlock"
            return words(phrase, month=content["month"])
        case Kind.PAY_ENTRY | Kind.PAY_AGREEMENT | Kind.COURT_ORDER | Kind.ERASURE | Kind.LEAVING:
            return _told_of_a_person(kind, content, names, words)
        case Kind.OPENING:
            return words("subject_opening", month=content["first_month"], file=content["file"])
        case _:
            phrase, key = _OF_A_FILE[kind]
            return words(phrase, **{key: content[key]})


def _told_of_a_person(
    kind: Kind, content: dict[str, Any], names: Mapping[str, str], words: Words
) -> str:
    match kind:
        case Kind.PAY_ENTRY:
            return words(
                "subject_pay_entry",
                month=content["month"],
                kind=content["name"],
                person=person_text(content["person"], names),
                amount=shown_fen(content["amount_fen"]) or "–",
            )
        case Kind.LEAVING:
            person = person_text(content["person"], names)
            return words("subject_leaving", person=person, day=content["last_day"])
        case Kind.ERASURE:
            return words("subject_erasure", person=person_text(content["person"], names))
        case Kind.PAY_AGREEMENT if "agreements" in content:
            count = len(content["agreements"])
            return words("subject_agreements", file=content["file"], count=count)
        case Kind.PAY_AGREEMENT:
            person, since = person_text(content["person"], names), content["valid_from"]
            return words("subject_agreement", person=person, since=since)
        case _:
            return _told_of_an_order(content, names, words)


def _told_of_an_order(content: dict[str, Any], names: Mapping[str, str], words: Words) -> str:
    if order := content.get("order"):
        person = person_text(order["person"], names)
        return words("subject_order", reference=order["reference"], person=person)
    end = content["end"]
    return words("subject_order_end", order=end["order"], month=end["last_month"])


def shown_fen(fen: object) -> str:
    """Empty for what the reader may not see."""
    return amount_text(fen) if isinstance(fen, int) else ""
