"""Templates to responses: escaping on, no inline script, nothing kept by caches."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from starlette.responses import HTMLResponse

from hr_core.pay.run_life import RunState
from hr_core.web.fact_words import amount_text
from hr_core.web.month_grid import CellState, short_hours_text
from hr_core.web.slip_page import hours_text

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"

# Nothing but our own style sheet and icon: a name that slipped through escaping still could not run.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",  # pay data stays out of the browser's disk cache
}
# The line board moves by itself: our own script files, nothing inline, nothing from elsewhere.
HEADERS_WITH_SCRIPT = HEADERS | {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
}


# (sign, colour) of a run's state; its words are in the catalogue under run_state.
RUN_SIGNS: dict[str, tuple[str, str]] = {
    RunState.COMPUTED: ("◇", "soft"),
    RunState.SUBMITTED: ("◐", "info"),
    RunState.APPROVED: ("●", "ok"),
    RunState.PAID: ("●", "ok"),
    RunState.REVERSED: ("▲", "warn"),
}


class Renderer:
    def __init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters: dict[str, Callable[..., str]] = {
            "fen": amount_text,
            "thousands": lambda number: f"{number:,}".replace("-", "−"),
            "hours": hours_text,
            "short_hours": short_hours_text,
            "wall_time": _wall_time,
            "in_zone": _in_zone,
        }
        self._templates.filters.update(filters)
        self._templates.globals["static"] = _static_address
        self._templates.globals["cell_states"] = tuple(CellState)
        self._templates.globals["run_signs"] = RUN_SIGNS

    def page(
        self,
        template: str,
        context: dict[str, object],
        status: int = 200,
        headers: dict[str, str] = HEADERS,
    ) -> HTMLResponse:
        html = self._templates.get_template(template).render(context)
        return HTMLResponse(html, status, headers)

    def parts(self, template: str, context: dict[str, object]) -> Any:
        """The macros of a template as functions; what they give is escaped already."""
        return self._templates.get_template(template).make_module(context)


@cache
def _static_address(name: str) -> str:
    """With a digest of the file, so that a browser never puts an old style on a new page."""
    return f"/static/{name}?{sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def _in_zone(moment: datetime, zone: str) -> str:
    """An aware instant as the site's clocks showed it, to the minute."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def _wall_time(moment: datetime | str) -> str:
    """08:30:05 of a naive wall clock or of its ISO text."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.strftime("%H:%M:%S")
