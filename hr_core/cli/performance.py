"""`hr-core performance`: goals, what was reached, and first scores."""

import typer

from hr_core.cli import performance_figures, performance_goals, performance_templates

app = typer.Typer(help="Goals, what was reached, and scores.", rich_markup_mode=None)
app.add_typer(performance_goals.app, name="goals")
app.add_typer(performance_templates.app, name="template")
app.command("import")(performance_figures.import_figures)
app.command("rate")(performance_figures.rate)
app.command("progress")(performance_figures.progress)
app.command("remind")(performance_figures.remind)
app.command("first-score")(performance_figures.first_score)
app.command("goal-rules")(performance_figures.goal_rules)
