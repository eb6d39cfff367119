"""What pages that change something share: who asks, the own form, refusals in words."""

from collections.abc import Awaitable, Callable, Mapping

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from hr_core.errors import CoreError, NotFoundError
from hr_core.store.errors import StorageError
from hr_core.web.admission import Visitor
from hr_core.web.answering import Need, PageDesk, anybody
from hr_core.web.errors import NoPageError
from hr_core.web.forms import MOST_FIELDS, FormError, own_form
from hr_core.web.words import Language, Words

# Does what the form asks for, in a thread, and answers with where to go.
Act = Callable[[Visitor, Words, Mapping[str, str]], Response]


def acting(
    desk: PageDesk,
    language: Language,
    act: Act,
    need: Need = anybody,
    *,
    most_fields: int = MOST_FIELDS,
) -> Callable[[Request], Awaitable[Response]]:
    """A route for a form. What the rules refuse answers 409 and says what helps."""

    async def answer(request: Request) -> Response:
        words = Words(language)
        visitor = await to_thread.run_sync(desk.visitor_of, request, words, need)
        if isinstance(visitor, Response):
            return visitor
        try:
            form = await own_form(request, visitor.form_token, most_fields=most_fields)
            return await to_thread.run_sync(act, visitor, words, form)
        except FormError as exc:
            return desk.refusal(request, words, exc.code, exc.status, **exc.facts)
        except NoPageError as exc:
            return desk.refusal(request, words, "not_found", 404, about=exc.what, **exc.values)
        except StorageError:
            return desk.sick(request, words)
        except CoreError as exc:
            status = 404 if isinstance(exc, NotFoundError) else 409
            facts = {"what": exc, "remedy": exc.remedy}
            return desk.refusal(request, words, "act_refused", status, **facts)

    return answer
