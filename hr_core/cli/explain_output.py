"""An explained payslip as a tree on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from hr_core.money import format_fen
from hr_core.trace.calculation import Step
from hr_core.trace.events import RawEvent
from hr_core.trace.explain import ExplainedDay, ExplainedLine, ExplainedWork, Explanation

# A tree is cut at the width of the terminal, or of 80 in a pipe; ids and bytes must stay whole.
_NEVER_CUT = 10_000


def print_explanation(explanation: Explanation) -> None:
    total = format_fen(explanation.total_fen)
    title = f"run {explanation.run}, {explanation.month}: {explanation.number} {explanation.name}"
    tree = Tree(escape(f"{title}, total {total}"))
    for line in explanation.lines:
        _add_line(tree, line)
    if explanation.to_clarify:
        branch = tree.add("to be clarified")
        for day in explanation.to_clarify:
            branch.add(escape(f"{day.day} {day.status}: {day.what}; {day.effect}"))
    for event_id in explanation.missing_events:
        tree.add(f"MISSING: the store holds no event {event_id}")
    Console(soft_wrap=True, highlight=False, width=_NEVER_CUT).print(tree)


def _add_line(tree: Tree, line: ExplainedLine) -> None:
    branch = tree.add(
        escape(f"{line.line}: {format_fen(line.amount_fen)}  {line.label} {line.label_zh}")
    )
    branch.add(escape(line.note))
    branch.add(escape(f"rule {line.rule}, version {line.version}, source: {line.source}"))
    formula = branch.add(escape(line.formula))
    for step in line.steps:
        formula.add(escape(_step(step)))
    for made in line.comparisons:
        verdict = "yes" if made.holds else "no"
        formula.add(
            escape(f"grade {made.grade}: {made.left} {made.relation} {made.right}: {verdict}")
        )
    formula.add(f"replayed from the trace: {format_fen(line.replayed_fen)}")
    _add_grounds(branch, line)
    for day in line.days:
        _add_day(branch, day)
    for work in line.work:
        _add_work(branch, work)
    for one in line.corrections:
        title = f"correction {one.number}: {one.pieces:+d} pieces, {one.rejects:+d} rejects"
        where = f"work of {one.concerns}, by {one.author}, approved by {one.approver}"
        branch.add(escape(f"{title}; {where}: {one.reason}"))
    for row in line.tallies:
        slip = f", slip {row.slip}" if row.slip else ""
        where = f"{row.file} row {row.row}{slip}, entered by {row.entered_by}"
        branch.add(escape(f"{row.pieces} pieces on {row.day}: {where}"))


def _add_grounds(branch: Tree, line: ExplainedLine) -> None:
    """What the line rests on beside days and work: law, agreement, sums of people, other lines."""
    for row in line.law:
        where = f"{row.city} " if row.city else ""
        node = branch.add(escape(f"law {where}{row.item}, {row.status}, since {row.since}"))
        node.add(escape(f"row {row.version}, source: {row.source}"))
    for number, said in line.agreements.items():
        branch.add(escape(f"pay agreement {number} {said}"))
    for entry in line.entries:
        people = f"entered by {entry.entered_by}, approved by {entry.approved_by}"
        title = (
            f"{entry.kind} {entry.number} {entry.name}: {format_fen(entry.amount_fen)}, {people}"
        )
        branch.add(escape(f"{title}: {entry.reason}" if entry.reason else title))
    for other in line.lines:
        branch.add(escape(f"of line {other.code}: {format_fen(other.amount_fen)}"))
    facts = {
        name: _fact(said) for name, said in line.facts.items() if not name.startswith("agreement_")
    }
    if facts:
        branch.add(escape(", ".join(f"{name} {said}" for name, said in facts.items())))


def _fact(said: str) -> str:
    """A whole trace in JSON (of a correction: the paid and the new one) is for --json."""
    return "(a trace: --json shows it)" if said.startswith("{") else said or "-"


def _step(step: Step) -> str:
    operands = ", ".join(str(operand) for operand in step.of)
    return f"{step.name} = {step.operation}({operands}) = {step.result}"


def _add_day(branch: Tree, day: ExplainedDay) -> None:
    times = f"{day.arrived} to {day.left}"
    title = f"{day.day} ({day.kind}, shift {day.shift}, {day.rule_version}): {day.minutes} min"
    node = branch.add(escape(f"{title}, {times}"))
    for punch in day.punches:
        _add_event(node, punch.role, punch.event)
    for one in day.corrections:
        approved = f" approved by {one.approved_by}" if one.approved_by else ""
        node.add(escape(f"request {one.request} ({one.kind}){approved}: {one.reason}"))


def _add_work(branch: Tree, work: ExplainedWork) -> None:
    flags = f" [{', '.join(work.flags)}]" if work.flags else ""
    whose = f"badge {work.badge}" if work.badge else f"by {work.evidence}"
    title = f"{work.amount} {work.metric} on {work.source}/{work.tag}, {whose}"
    node = branch.add(
        escape(f"{title}: {work.first_value} to {work.last_value}, {work.readings} readings{flags}")
    )
    _add_event(node, "first", work.first)
    _add_event(node, "last", work.last)


def _add_event(node: Tree, role: str, event: RawEvent) -> None:
    if not event.found:
        node.add(f"{role}: event {event.event_id} is not in the store")
        return
    who = f"user {event.user_id} state {event.state}" if event.user_id else f"value {event.value}"
    leaf = node.add(escape(f"{role}: {event.device_time} {who} on {event.device}"))
    leaf.add(escape(f"event {event.event_id}"))
    leaf.add(escape(f"gateway {event.gateway}, batch {event.batch}, received {event.received_at}"))
    leaf.add(f"raw {event.raw or '(none sent)'}")
