"""Templates to responses: escaping on, no script, nothing kept by caches."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse

from hr_core.web.slip_page import amount_text, hours_text

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
            "wall_time": _wall_time,
        }
        self._templates.filters.update(filters)
        style = (STATIC / "clockline.css").read_bytes()
        # In the address, so that a browser never puts an old style sheet on a new page.
        self._templates.globals["style_version"] = sha256(style).hexdigest()[:12]

    def page(self, template: str, context: dict[str, object], status: int = 200) -> HTMLResponse:
        html = self._templates.get_template(template).render(context)
        return HTMLResponse(html, status, HEADERS)


def _wall_time(moment: datetime | str) -> str:
    """08:30:05 of a naive wall clock or of its ISO text."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.strftime("%H:%M:%S")
