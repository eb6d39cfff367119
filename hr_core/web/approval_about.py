"""One line on each approval: who, which month, how much, what changes. Pages and commands tell it alike."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from hr_core.approvals.changes import Changes
from hr_core.approvals.desk import Approval
from hr_core.approvals.kinds import Kind
from hr_core.web.approval_subject import person_text, shown_fen
from hr_core.web.change_table import field_name, fields_in_a_line
from hr_core.web.words import Words

# What a line has room for.
_FIELDS_IN_A_LINE = 3


class About(Struct, frozen=True, kw_only=True):
    """`who`: a person, a run or a file; `month` or the first day; `amount` in yuan; each may be empty."""

    who: str = ""
    month: str = ""
    amount: str = ""
    change: str = ""


class Asked(Struct, frozen=True, kw_only=True):
    """`content`: with what the reader may not see masked; `names`: of people, by key."""

    content: dict[str, Any]
    changes: Changes
    names: Mapping[str, str]
    words: Words

    def person(self, key: str) -> str:
        return person_text(key, self.names)


def about(
    one: Approval, content: Any, changes: Changes, names: Mapping[str, str], words: Words
) -> About:
    """What another program proposed says its subject alone."""
    tell = _OF_KIND.get(one.kind)
    if tell is None or not isinstance(content, dict):
        return About(who=one.subject)
    try:
        return tell(Asked(content=content, changes=changes, names=names, words=words))
    except (KeyError, TypeError, AttributeError):
        return About(who=one.subject)


def _run(asked: Asked) -> About:
    content, words = asked.content, asked.words
    run = words("about_run", run=content["run"])
    if "person" in content:
        before, after = shown_fen(content["before_fen"]), shown_fen(content["after_fen"])
        return About(
            who=f"{asked.person(content['person'])} · {run}",
            month=content["month"],
            amount=after,
            change=words("becomes", before=before, after=after) if before else "",
        )
    told = [words("slips_of_it", people=content["people"])]
    if content["refused"]:
        told.append(words("not_paid_by_it", count=len(content["refused"])))
    if content["days_to_clarify"]:
        told.append(words("days_to_clarify_of_it", count=content["days_to_clarify"]))
    return About(
        who=run,
        month=content["month"],
        amount=shown_fen(content["total_fen"]),
        change=" · ".join(told),
    )


def _entry(asked: Asked) -> About:
    content = asked.content
    return About(
        who=asked.person(content["person"]),
        month=content["month"],
        amount=shown_fen(content["amount_fen"]),
        change=content["name"],
    )


def _agreements(asked: Asked) -> About:
    found, words, content = asked.changes.agreements, asked.words, asked.content
    month = words("since_day", day=min((one.since for one in found), default=""))
    if len(found) == 1:
        (one,) = found
        terms = content.get("agreements", [content])[0]["terms"]
        line = "; ".join(fields_in_a_line(one.fields, words, _FIELDS_IN_A_LINE))
        return About(
            who=asked.person(one.person),
            month=month,
            amount=shown_fen(terms["base_fen"]),
            change=line or words("same_as_before"),
        )
    fields = Counter(field_name(field.path[0], words) for one in found for field in one.fields)
    which = ", ".join(f"{name} {count}" for name, count in fields.most_common(_FIELDS_IN_A_LINE))
    people = len({one.person for one in found})
    line = words("changes_of_agreements", people=people, fields=fields.total(), which=which)
    return About(who=content["file"], month=month, change=line)


def _law(asked: Asked) -> About:
    words, rows = asked.words, asked.changes.law
    since = min((one.row.since for one in rows), default=None)
    line = words(
        "changes_of_law",
        cities=len({one.row.city for one in rows}),
        rows=len(rows),
        replaced=sum(one.before is not None and not one.stays for one in rows),
        new=sum(one.before is None for one in rows),
        stays=sum(one.stays for one in rows),
    )
    if asked.changes.skipped:
        line = f"{line}; {words('skipped_of_law', count=asked.changes.skipped)}"
    return About(
        who=asked.content["file"],
        month="" if since is None else words("since_day", day=since),
        change=_unreadable(asked) or line,
    )


def _scheme(asked: Asked) -> About:
    words, change = asked.words, asked.changes.scheme
    code = asked.content["code"]
    if change is None:
        return About(who=code, change=_unreadable(asked))
    fields = sum(len(one.fields) + one.gone for one in change.editions)
    phrase = "changes_of_scheme" if change.against else "changes_of_new_scheme"
    return About(who=code, change=words(phrase, fields=fields, against=change.against))


def _unreadable(asked: Asked) -> str:
    why = asked.changes.unreadable
    return asked.words("unreadable", why=why) if why else ""


def _lock(asked: Asked) -> About:
    month = asked.content["month"]
    phrase = "subject_lock" if asked.content["lock"] else "subject_unlock"
    return About(month=month, change=asked.words(phrase, month=month))


def _prices(asked: Asked) -> About:
    count = len(asked.content.get("price", ()))
    line = asked.words("changes_of_prices", prices=count)
    return About(who=asked.content["name"], change=line)


def _opening(asked: Asked) -> About:
    rows = asked.content["rows"]
    people = len({row["person"] for row in rows})
    line = asked.words("changes_of_opening", rows=len(rows), people=people)
    return About(who=asked.content["file"], month=asked.content["first_month"], change=line)


def _order(asked: Asked) -> About:
    order, words = asked.content.get("order"), asked.words
    if not order:
        end = asked.content["end"]
        line = words("subject_order_end", order=end["order"], month=end["last_month"])
        return About(month=end["last_month"], change=line)
    told = [order["reference"]]
    if order.get("instalment_fen") is not None:
        told.append(words("changes_of_order", amount=shown_fen(order["instalment_fen"])))
    if order.get("net_percent") is not None:
        whole, rest = divmod(order["net_percent"], 100)
        percent = f"{whole}.{rest:02d}" if rest else str(whole)
        told.append(words("changes_of_order_percent", percent=percent))
    return About(
        who=asked.person(order["person"]),
        month=order["first_month"],
        amount=shown_fen(order.get("total_fen")),
        change=" · ".join(told),
    )


def _leaving(asked: Asked) -> About:
    content = asked.content
    return About(
        who=asked.person(content["person"]), month=content["last_day"], change=content["exit"]
    )


def _erasure(asked: Asked) -> About:
    person = asked.person(asked.content["person"])
    return About(who=person, change=asked.words("subject_erasure", person=person))


def _rules(asked: Asked) -> About:
    return About(who=asked.content["file"], change=", ".join(asked.content["versions"]))


_OF_KIND: dict[Kind, Callable[[Asked], About]] = {
    Kind.RUN: _run,
    Kind.PAYMENT: _run,
    Kind.REVERSAL: _run,
    Kind.PAY_ENTRY: _entry,
    Kind.PAY_AGREEMENT: _agreements,
    Kind.LAW: _law,
    Kind.SCHEME: _scheme,
    Kind.MONTH_LOCK: _lock,
    Kind.PIECE_PRICE: _prices,
    Kind.OPENING: _opening,
    Kind.COURT_ORDER: _order,
    Kind.LEAVING: _leaving,
    Kind.ERASURE: _erasure,
    Kind.PERFORMANCE_RULES: _rules,
}
