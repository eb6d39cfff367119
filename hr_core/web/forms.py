"""Forms that browsers send: bounded while they arrive, plain text fields."""

from urllib.parse import parse_qs

from starlette.requests import Request

from hr_core.web.form_token import FIELD, fits

# Of a note a thousand characters count; twelve bytes each when a browser spells them %XX.
MAX_FORM_BYTES = 16 * 1024
MOST_FIELDS = 16


class FormError(Exception):
    """`code` names the phrases of the refusal, `facts` what stands in them."""

    def __init__(self, code: str, status: int, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.facts = facts


async def read_form(
    request: Request, *, most_fields: int = MOST_FIELDS, most_bytes: int = MAX_FORM_BYTES
) -> dict[str, str]:
    """The first value of each field, as typed. Raises FormError when it is too large or no form."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise FormError("stale_form", 413)
    try:
        pairs = parse_qs(body.decode(errors="replace"), max_num_fields=most_fields)
    except ValueError as exc:
        raise FormError("stale_form", 403) from exc
    return {name: values[0] for name, values in pairs.items()}


async def own_form(
    request: Request,
    form_token: str,
    *,
    most_fields: int = MOST_FIELDS,
    most_bytes: int = MAX_FORM_BYTES,
) -> dict[str, str]:
    """Raises FormError for a form that is not from a page of this visitor."""
    form = await read_form(request, most_fields=most_fields, most_bytes=most_bytes)
    if not (from_our_page(request) and fits(form_token, form.get(FIELD, ""))):
        raise FormError("stale_form", 403)
    return form


def from_our_page(request: Request) -> bool:
    """As far as the browser says; the form's token decides."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
