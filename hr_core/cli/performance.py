"""`hr-core performance`: goals, scores, grades and what they lead to."""

import typer

from hr_core.cli import (
    performance_agreeing,
    performance_assess,
    performance_consequences,
    performance_figures,
    performance_goals,
    performance_rate360,
    performance_rules,
    performance_scores,
    performance_talks,
    performance_templates,
)

app = typer.Typer(help="Goals, scores, grades and what they lead to.", rich_markup_mode=None)
performance_goals.app.command("ask-change")(performance_agreeing.ask_change)
performance_goals.app.command("answer")(performance_agreeing.answer)
performance_goals.app.command("sign")(performance_agreeing.sign)
performance_goals.app.command("send-back")(performance_agreeing.send_back)
performance_goals.app.command("waiting")(performance_agreeing.waiting)
performance_goals.app.command("show")(performance_agreeing.show)
app.add_typer(performance_goals.app, name="goals")
app.add_typer(performance_templates.app, name="template")
app.command("import")(performance_figures.import_figures)
app.command("rate")(performance_figures.rate)
app.command("progress")(performance_figures.progress)
app.command("remind")(performance_figures.remind)
app.command("first-score")(performance_figures.first_score)
app.command("goal-rules")(performance_figures.goal_rules)
performance_assess.app.command("from-goals")(performance_figures.assess_from_goals)
app.add_typer(performance_assess.app, name="assess")
app.add_typer(performance_consequences.app, name="consequences")
app.add_typer(performance_rate360.app, name="rate360")
app.add_typer(performance_talks.app, name="talks")
app.command("lock")(performance_scores.lock)
app.command("score")(performance_scores.score)
app.command("feedback")(performance_scores.feedback)
app.command("appeal")(performance_scores.appeal)
app.command("review")(performance_scores.review)
app.command("grades")(performance_scores.grades)
app.command("rank")(performance_scores.rank)
app.command("grade-schemes")(performance_rules.grade_schemes)
app.command("score-rules")(performance_scores.score_rules)
