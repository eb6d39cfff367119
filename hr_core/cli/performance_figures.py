"""`hr-core performance import|rate|progress|remind|first-score|goal-rules`, `assess from-goals`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    print_json,
    reading,
    today_here,
    writing,
)
from hr_core.cli.performance_acting import (
    NoteOption,
    PeriodOption,
    goal_deed,
    owner_key,
    parse_number,
    parse_period,
)
from hr_core.cli.performance_rules import bring_rules

if TYPE_CHECKING:
    from hr_core.performance.first_score import FirstScore, IndicatorScore
    from hr_core.performance.progress import Progress

Person = Annotated[str, typer.Argument(help="Employee number.", show_default=False)]


def import_figures(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV, xlsx or TOML.", show_default=False)],
    *,
    mapping: Annotated[
        Path | None, typer.Option("--map", help="Which column is what (TOML), for CSV and xlsx.")
    ] = None,
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load business figures: sales, cash, output. The same file twice changes nothing."""
    from hr_core.performance.figure_loading import load_figures

    with writing(context, db) as conn:
        loaded = load_figures(conn, file, mapping, goal_deed(conn, by, note))
    if as_json:
        print_json(loaded)
        return
    print(
        f"load {loaded.load} from {loaded.source}: {loaded.added} new, {loaded.changed} changed, "
        f"{loaded.unchanged} as they were"
    )


def rate(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    goal: Annotated[str, typer.Argument(help="The goal's code.", show_default=False)],
    value: Annotated[str, typer.Argument(help="What was reached.", show_default=False)],
    *,
    person: Annotated[str, typer.Option("--person", help="Employee number of its owner.")],
    period: PeriodOption,
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what was reached of a goal that another department scores (scored_by)."""
    from hr_core.errors import NotFoundError
    from hr_core.people.lookup import person_of_number
    from hr_core.performance.exact_json import plain
    from hr_core.performance.figure_loading import score_figure
    from hr_core.performance.goal_book import GoalBook

    wanted = parse_period(period)
    with writing(context, db) as conn:
        key = person_of_number(conn, person, wanted.first)
        goals = [one for one in GoalBook.load(conn).goals() if (one.owner, one.code) == (key, goal)]
        if not goals:
            raise NotFoundError(
                f"{person} has no goal {goal!r}", remedy="hr-core performance goals tree"
            )
        deed = goal_deed(conn, by, note)
        figure = score_figure(conn, goals[0], wanted, parse_number(value, "VALUE"), deed)
    if as_json:
        print_json(plain(figure))
    else:
        print(f"{goal} of {person} for {wanted}: {value}, {figure.source} ({figure.load})")


def progress(
    context: typer.Context,
    *,
    owner: Annotated[
        str | None, typer.Option("--of", help="Employee number or unit [default: all].")
    ] = None,
    period: Annotated[
        str | None, typer.Option("--period", help="[default: what goes on today]")
    ] = None,
    on: Annotated[str | None, typer.Option("--on", help="As of this morning [today].")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show how far goals are. Exit 1 while a goal is behind its plan."""
    from hr_core.cli.options import parse_day
    from hr_core.performance.exact_json import plain
    from hr_core.performance.progress import progress_of

    wanted = None if period is None else str(parse_period(period))
    with reading(context, db) as conn:
        day = today_here(conn) if on is None else parse_day(on, "--on")
        named = None if owner is None else owner_key(conn, owner, day)
        found = progress_of(conn, day, owner=named, period=wanted)
    if as_json:
        print_json({"on": day, "goals": plain(found)})
    else:
        for one in found:
            print(_progress_line(one))
        if not found:
            print(
                f"no agreed goals on {day}: another day with --on; hr-core performance goals waiting"
            )
    return ExitCode.DEGRADED if any(one.behind for one in found) else ExitCode.OK


def remind(
    context: typer.Context,
    *,
    alert_channels: Annotated[
        Path | None,
        typer.Option(
            "--alert-channels", help="Have hr-core serve tell it by this file's channels."
        ),
    ] = None,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remind of goals that are far behind, at most once a week each, of goals to be agreed, and tell
    managers of missed goals to talk over. For a daily timer.
    """
    from hr_core.notify.delivery import tell_all
    from hr_core.notify.goal_message import reminder_messages, review_messages, turn_messages
    from hr_core.notify.settings import LOG_ONLY, read_channels
    from hr_core.people.today import today_at
    from hr_core.performance import agreeing, progress
    from hr_core.performance.open_tasks import reviews_waiting
    from hr_core.store.people import load_roster

    channels = LOG_ONLY if alert_channels is None else read_channels(alert_channels)
    with writing(context, db) as conn:
        deed = goal_deed(conn, by)
        rows = progress.remind(conn, deed)
        today = today_at(conn, deed.at)
        turns, reviews = agreeing.waiting(conn, today), reviews_waiting(conn, today)
        roster = load_roster(conn)
        people = {} if roster is None else roster.people
        names = {key: person.name for key, person in people.items()}
        messages = [
            *reminder_messages(rows, names),
            *turn_messages(turns, names),
            *review_messages(reviews, names),
        ]
        told = tell_all(conn, messages, channels, deed.at)
    if as_json:
        found = {"reminders": [row._asdict() for row in rows], "waiting": turns}
        print_json(found | {"reviews": reviews, "told": told})
        return
    for row in rows:
        print(f"{row.owner}: {row.text}")
    print(
        f"{len(turns)} sets of goals are to be agreed, {len(reviews)} reviews of missed goals are "
        f"open; {told} messages are to be told"
    )


def first_score(
    context: typer.Context,
    person: Person,
    *,
    period: PeriodOption,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Compute a person's first score from data, with all that it rests on. Exit 1 while a day or
    a figure in it has to be looked at.
    """
    from hr_core.people.lookup import person_of_number
    from hr_core.performance import first_score as scoring
    from hr_core.performance.exact_json import plain

    wanted = parse_period(period)
    with reading(context, db) as conn:
        found = scoring.first_score(conn, person_of_number(conn, person, wanted.first), wanted)
    if as_json:
        print_json(plain(found))
    else:
        _print_score(person, found)
    return ExitCode.DEGRADED if found.open else ExitCode.OK


def assess_from_goals(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: Person,
    *,
    period: PeriodOption,
    rater: Annotated[
        str | None,
        typer.Option("--rater", help="The manager's number [default: who signed the goals]."),
    ] = None,
    post: Annotated[str, typer.Option("--post", help="Of several posts: which.")] = "",
    share: Annotated[str, typer.Option("--share", help="Percent of this post in the score.")] = (
        "100"
    ),
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Open a person's assessment by the signed goals and the first score. Exit 1 while something in
    it has to be looked at.
    """
    from hr_core.cli.score_options import deed_now, person_in
    from hr_core.performance.opening_from_goals import Post, open_from_goals

    wanted = parse_period(period)
    with writing(context, db) as conn:
        key = person_in(conn, person, str(wanted))
        named = None if rater is None else person_in(conn, rater, str(wanted))
        number, found = open_from_goals(
            conn, key, wanted, deed_now(conn, by), rater=named, post=Post(post, share)
        )
    if as_json:
        print_json({"assessment": number, "first_score": str(found.score), "open": found.open})
    else:
        print(f"assessment {number} of {person} for {wanted}: first score {_shown(found.score)}")
        for text in found.open:
            print(f"  to clarify: {text}")
    return ExitCode.DEGRADED if found.open else ExitCode.OK


def goal_rules(
    context: typer.Context,
    *,
    file: Annotated[
        Path | None, typer.Option("--import", help="Add the plant's own editions (TOML).")
    ] = None,
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how goals become points and when people are reminded; or bring the plant's own editions, for
    another person to approve.
    """
    from hr_core.performance import rule_desk
    from hr_core.performance.exact_json import plain

    if file is not None:
        bring_rules(context, "goals", file, by=by, db=db, as_json=as_json, reason=note)
        return
    with reading(context, db) as conn:
        book = rule_desk.goal_rules(conn)
    editions = [book.on(one.since) for one in book.edition]
    if as_json:
        print_json({"editions": plain(editions)})
        return
    for one in editions:
        tiers = ", ".join(f"{tier.code} from {_shown(tier.from_percent)} %" for tier in one.tier)
        print(f"{one.version} from {one.since}: points by {one.scoring.points}; {tiers}")


def _print_score(person: str, found: FirstScore) -> None:
    print(
        f"{person}, {found.period}: first score {_shown(found.score)} "
        f"(goals version {found.goals_version}, rules {found.rules.version})"
    )
    for one in found.indicators:
        _print_indicator(one)
    for one in found.trials:
        print("  trial, not in the score:")
        _print_indicator(one)
    for lacking in found.trials_missing:
        print(f"  trial {lacking.goal}: {'; '.join(lacking.missing)}")


def _print_indicator(one: IndicatorScore) -> None:
    unit = f" {one.measure}" if one.measure else ""
    by = f", scored by {one.scored_by}" if one.scored_by else ""
    print(
        f"  {one.group} {one.goal} ({one.title}){by}: {_shown(one.actual)} against "
        f"{one.kind.replace('_', ' ')} {_shown(one.target)}{unit} is {_shown(one.achievement)} %, "
        f"tier {one.tier or 'none'}; {_shown(one.points)} points x {_shown(one.weight)} %"
    )
    for source in one.sources:
        print(f"    {source}")
    for text in one.open:
        print(f"    to clarify: {text}")


def _progress_line(one: Progress) -> str:
    from hr_core.performance.progress import percent_shown

    done = "no figure" if one.achievement is None else f"{percent_shown(one.achievement)} %"
    unit = f" {one.measure}" if one.measure else ""
    actual = "" if one.actual is None else f", {_shown(one.actual)} of {_shown(one.target)}{unit}"
    marks = [("  BEHIND", one.behind), ("  reminder due", one.remind), ("  trial", one.trial)]
    return (
        f"{one.period}  {one.level} {one.owner}  {one.goal} ({one.title}): {done}{actual}; "
        f"{percent_shown(one.elapsed)} % of the time"
        + "".join(text for text, shown in marks if shown)
    )


def _shown(value: object) -> str:
    from fractions import Fraction

    from hr_core.money import decimal_text

    return decimal_text(value) if isinstance(value, Fraction) else str(value)
