"""What pages that change something share: who asks, the own form, refusals in words."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from hr_core.errors import CoreError, NotFoundError
from hr_core.store.errors import StorageError
from hr_core.web.admission import Visitor
from hr_core.web.answering import Build, Need, PageDesk, Visit, anybody
from hr_core.web.errors import NoPageError
from hr_core.web.forms import MOST_FIELDS, FormError, own_form
from hr_core.web.words import Language, Words

# Does what the form asks for, in a thread, and answers with where to go.
Act = Callable[[Visitor, Words, Mapping[str, str]], Response]
# The form's page once more, with what was typed; the error: why it was refused, None where the form
# only asks to be looked through.
Again = Callable[[Visit, Mapping[str, str], CoreError | None], Response]

CHECK = "check"  # the `act` of a form that asks for its page once more


# As `Act`; or how the page is built that tells what was done.
TellingAct = Callable[[Visitor, Words, Mapping[str, str]], Response | Build]


class LargeForm(NamedTuple):
    """A form that people fill in for a while: its caps, and how its page is shown once more."""

    most_fields: int
    most_bytes: int
    again: Again


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
        except (FormError, NoPageError, StorageError, CoreError) as exc:
            return _refusal(desk, request, words, exc)

    return answer


def acting_on_large_form(
    desk: PageDesk, language: Language, act: TellingAct, large: LargeForm, need: Need = anybody
) -> Callable[[Request], Awaitable[Response]]:
    """As `acting`, but what the rules refuse (409) is said on the form's own page: nothing that was
    typed is lost.
    """
    shown_again = _again(desk, language, large)

    def work(request: Request, visitor: Visitor, form: Mapping[str, str]) -> Response:
        if form.get("act") == CHECK:
            return shown_again(request, visitor, form, None)
        try:
            done = act(visitor, Words(language), form)
        except StorageError:
            raise
        except CoreError as exc:
            return shown_again(request, visitor, form, exc)
        if isinstance(done, Response):
            return done
        return desk.answer(request, Words(language), done, visitor)

    async def answer(request: Request) -> Response:
        words = Words(language)
        visitor = await to_thread.run_sync(desk.visitor_of, request, words, need)
        if isinstance(visitor, Response):
            return visitor
        caps = {"most_fields": large.most_fields, "most_bytes": large.most_bytes}
        try:
            form = await own_form(request, visitor.form_token, **caps)
            return await to_thread.run_sync(work, request, visitor, form)
        except (FormError, NoPageError, StorageError) as exc:
            return _refusal(desk, request, words, exc)

    return answer


def _again(
    desk: PageDesk, language: Language, large: LargeForm
) -> Callable[[Request, Visitor, Mapping[str, str], CoreError | None], Response]:
    def shown_again(
        request: Request, visitor: Visitor, form: Mapping[str, str], exc: CoreError | None
    ) -> Response:
        def build(visit: Visit) -> Response:
            return large.again(visit, form, exc)

        answer = desk.answer(request, Words(language), build, visitor)
        if exc is not None and answer.status_code == 200:
            answer.status_code = 409
        return answer

    return shown_again


def _refusal(
    desk: PageDesk,
    request: Request,
    words: Words,
    exc: FormError | NoPageError | StorageError | CoreError,
) -> Response:
    if isinstance(exc, FormError):
        return desk.refusal(request, words, exc.code, exc.status, **exc.facts)
    if isinstance(exc, NoPageError):
        return desk.refusal(request, words, "not_found", 404, about=exc.what, **exc.values)
    if isinstance(exc, StorageError):
        return desk.sick(request, words)
    status = 404 if isinstance(exc, NotFoundError) else 409
    return desk.refusal(request, words, "act_refused", status, what=exc, remedy=exc.remedy)
