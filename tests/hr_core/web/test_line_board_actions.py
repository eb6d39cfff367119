"""What people do about an alert: forms that only our own page can send, and what they change."""

import re
from datetime import datetime

import pytest

from hr_core.web.board_routes import AlertActError
from hr_core.web.forms import MAX_FORM_BYTES
from tests.hr_core.web.board_samples import sample_board
from tests.hr_core.web.plant import NOW

ALERT = "line/L2/2026-11-20 early/1"


class Desk:
    """Writes down what it is asked for; knows one open alert and one person."""

    def __init__(self):
        self.done = []

    def _check(self, alert, by):
        if alert != ALERT:
            raise AlertActError("no such alert")
        if by != "1001":
            raise AlertActError("nobody", field="by")

    def acknowledge(self, alert, *, by, at):
        self._check(alert, by)
        self.done.append(("acknowledge", by, at))

    def close(self, alert, *, by, at, cause, note):
        self._check(alert, by)
        if cause != "tool":
            raise AlertActError("no such cause", field="cause")
        self.done.append(("close", by, at, cause, note))

    def hand_over(self, alert, *, by, at, to):
        self._check(alert, by)
        self.done.append(("hand_over", by, at, to))


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def board(new_core, browse, desk):
    return browse(new_core, board=sample_board, alerts=desk)


async def token_of(client):
    page = await client.get("/zh/board")
    return re.search(r'name="form_token" value="([^"]+)"', page.text)[1]


@pytest.mark.parametrize(
    ("verb", "said", "done"),
    [
        ("acknowledge", {}, ("acknowledge", "1001", NOW)),
        (
            "close",
            {"cause": "tool", "note": "换了刀头\nnew cutter"},
            ("close", "1001", NOW, "tool", "换了刀头\nnew cutter"),
        ),
        ("hand-over", {"to": "1002"}, ("hand_over", "1001", NOW, "1002")),
    ],
)
async def test_a_filled_form_acts_once_and_leads_back_to_the_board(board, desk, verb, said, done):
    async with board as client:
        form = {"form_token": await token_of(client), "alert": ALERT, "by": "1001"} | said
        answer = await client.post(f"/zh/board/alert/{verb}?line=L2&limits=laney", data=form)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/zh/board?line=L2&limits=laney#alerts"
    assert desk.done == [done]
    assert isinstance(done[2], datetime)


@pytest.mark.parametrize("token", [None, "", "guessed", "é"])
async def test_a_form_without_our_token_changes_nothing(board, desk, token):
    form = {"alert": ALERT, "by": "1001"} | ({} if token is None else {"form_token": token})
    async with board as client:
        answer = await client.post("/en/board/alert/acknowledge", data=form)
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.text
    assert desk.done == []


async def test_a_form_that_another_site_sends_changes_nothing(board, desk):
    async with board as client:
        form = {"form_token": await token_of(client), "alert": ALERT, "by": "1001"}
        answer = await client.post(
            "/en/board/alert/acknowledge", data=form, headers={"Sec-Fetch-Site": "cross-site"}
        )
    assert answer.status_code == 403
    assert desk.done == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"by": ""}, "Your number"),
        ({"by": "9999"}, "Your number"),
        ({"by": "1" * 65}, "Your number"),
        ({"note": " "}, "Note"),
        ({"note": "x" * 1001}, "Note"),
        ({"cause": "bad luck"}, "Cause"),
    ],
)
async def test_a_form_filled_in_wrong_says_which_field(board, desk, changes, field):
    async with board as client:
        form = {"form_token": await token_of(client), "alert": ALERT, "by": "1001"}
        form |= {"cause": "tool", "note": "n"} | changes
        answer = await client.post("/en/board/alert/close", data=form)
    assert answer.status_code == 422
    assert f"“{field}”" in answer.text
    assert desk.done == []


async def test_an_alert_that_is_closed_already_is_a_404(board, desk):
    async with board as client:
        form = {"form_token": await token_of(client), "alert": "line/L9/x/1", "by": "1001"}
        answer = await client.post("/zh/board/alert/acknowledge", data=form)
    assert answer.status_code == 404
    assert "没有未关的提醒 line/L9/x/1" in answer.text
    assert desk.done == []


async def test_a_form_larger_than_any_note_is_refused_unread(board, desk):
    async with board as client:
        answer = await client.post(
            "/zh/board/alert/close", content=b"note=" + b"x" * MAX_FORM_BYTES
        )
        many = await client.post("/zh/board/alert/close", content=b"a=1&" * 30)
        get = await client.get("/zh/board/alert/close")
        unknown = await client.post(
            "/zh/board/alert/forget",
            data={"form_token": await token_of(client), "alert": ALERT, "by": "1001"},
        )
    assert answer.status_code == 413
    assert many.status_code == 403
    assert get.status_code == 404  # there is nothing to read there
    assert unknown.status_code == 404
    assert desk.done == []
