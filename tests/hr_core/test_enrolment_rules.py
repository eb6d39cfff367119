"""Who may join, when, and what each refusal is called: against a real database."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

import hr_core.store.all_tables
from hr_core.enrolment import (
    ROTATION_OVERLAP,
    EnrolmentRefusedError,
    TokenOrder,
    enrol,
    issue_token,
    report_key,
    revoke,
    rotate,
)
from hr_core.errors import CoreError, NotFoundError
from hr_core.store.database import writing
from hr_core.store.enrolment_tokens import enrolment_tokens
from hr_core.store.gateway_keys import keys_in_force, keys_of
from hr_core.store.gateway_log import MAX_REFUSALS, GatewayAct, acts, note_act
from hr_core.store.gateways import all_gateways
from protocols.enrolment import KeyStatus, ask_status, ask_to_enrol, ask_to_rotate
from protocols.enrolment_token import decode_token
from protocols.signing import SigningKey
from tests.hr_core.stored_values import is_stored

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CORE = SigningKey(bytes([1] * 32))
A, B, C = (SigningKey(bytes([number] * 32)) for number in (2, 3, 4))
assert hr_core.store.all_tables


class Desk:
    def __init__(self, engine):
        self.engine = engine
        self.now = NOW
        self._secrets = 0

    def token(self, gateway="gw-1", **order):
        self._secrets += 1
        text, _ = issue_token(
            self.engine,
            TokenOrder(gateway=gateway, **order),
            core_public=CORE.public,
            now=self.now,
            secret=self._secrets.to_bytes(16, "big"),
            source="ann",
        )
        return decode_token(text)

    def enrol(self, token, key=A):
        return enrol(self.engine, ask_to_enrol(token, key), now=self.now, source="10.0.0.9")

    def refused(self, token, key=A):
        with pytest.raises(EnrolmentRefusedError) as caught:
            self.enrol(token, key)
        return caught.value.code

    def rotate(self, old, new, gateway="gw-1"):
        request = ask_to_rotate(gateway, old, new, CORE.public)
        return rotate(self.engine, request, now=self.now, source="10.0.0.9")

    def rotation_refused(self, old, new, gateway="gw-1"):
        with pytest.raises(EnrolmentRefusedError) as caught:
            self.rotate(old, new, gateway)
        return caught.value.code

    def good(self, gateway="gw-1", at=None):
        with self.engine.connect() as conn:
            return set(keys_in_force(conn, gateway, at or self.now))

    def acts(self):
        with self.engine.connect() as conn:
            return [(act.act, act.detail.split(" ")[0]) for act in acts(conn)]


@pytest.fixture
def desk(engine):
    return Desk(engine)


def test_a_gateway_joins_once(desk):
    token = desk.token(site="plant")
    answer = desk.enrol(token)
    assert (answer.gateway, answer.site, answer.public_key) == ("gw-1", "plant", A.public)
    assert desk.good() == {A.public}
    assert desk.refused(token, B) == "token_used"
    assert desk.good() == {A.public}
    assert desk.acts() == [
        ("token_issued", "until"), ("enrolled", ""), ("refused", "token_used"),
    ]  # fmt: skip


def test_a_lost_answer_is_given_again_even_later(desk):
    token = desk.token()
    first = desk.enrol(token)
    desk.now += timedelta(hours=2)
    assert desk.enrol(token) == first
    assert desk.good() == {A.public}


@pytest.mark.parametrize(("late", "code"), [(-1, None), (0, "token_expired"), (1, "token_expired")])
def test_a_token_lives_fifteen_minutes_by_the_core_s_clock(desk, late, code):
    token = desk.token()
    desk.now += 15 * MINUTE + timedelta(microseconds=late)
    if code is None:
        desk.enrol(token)
    else:
        assert desk.refused(token) == code
        assert desk.good() == set()


def test_a_stranger_learns_nothing_about_names(desk):
    desk.enrol(desk.token("gw-1"))
    forged = desk.token("gw-2")
    with writing(desk.engine) as conn:
        conn.execute(enrolment_tokens.delete())
    for name in ("gw-1", "gw-2", "gw-3"):
        guess = type(forged)(
            secret=bytes(16), gateway=name, core_public=CORE.public, expires_at=forged.expires_at
        )
        assert desk.refused(guess, C) == "token_unknown"


def test_a_token_is_bound_to_its_gateway(desk):
    token = desk.token("gw-1")
    renamed = type(token)(
        secret=token.secret, gateway="gw-2", core_public=CORE.public, expires_at=token.expires_at
    )
    assert desk.refused(renamed) == "token_other_gateway"
    desk.enrol(token)  # and is not used up by that


def test_only_the_last_token_counts(desk):
    first, second = desk.token(), desk.token()
    assert desk.refused(first) == "token_replaced"
    desk.enrol(second)


def test_a_known_gateway_needs_an_operator(desk):
    desk.enrol(desk.token(site="plant"))
    with pytest.raises(CoreError, match="enrolled already") as caught:
        desk.token()
    assert "--again" in caught.value.remedy
    again = desk.token(again=True)
    assert desk.good() == {A.public}, "the old one serves until the new one has come"
    assert desk.refused(again, A) == "key_taken"
    answer = desk.enrol(again, B)
    assert answer.site == "plant"
    assert desk.good() == {B.public}
    with pytest.raises(NotFoundError, match="ever enrolled"):
        desk.token("gw-9", again=True)


def test_one_key_serves_one_gateway(desk):
    desk.enrol(desk.token("gw-1"))
    assert desk.refused(desk.token("gw-2")) == "key_taken"


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 65, "#"])
def test_a_name_that_could_not_be_sent(desk, name):
    with pytest.raises(NotFoundError, match="cannot be a gateway's name"):
        desk.token(name)


def test_the_token_is_nowhere_in_the_database(desk):
    token = desk.token()
    desk.enrol(token)
    with desk.engine.connect() as conn:
        assert is_stored(conn, A.public), "the search would find it"
        for secret in (token.secret, token.key().seed, token.key().public, A.seed, CORE.seed):
            assert not is_stored(conn, secret)


def test_both_keys_serve_during_the_overlap(desk):
    desk.enrol(desk.token())
    desk.now += MINUTE
    answer = desk.rotate(A, B)
    assert answer.old_refused_from == desk.now + ROTATION_OVERLAP
    assert desk.good() == {A.public, B.public}
    end = answer.old_refused_from
    assert desk.good(at=end - timedelta(microseconds=1)) == {A.public, B.public}
    assert desk.good(at=end) == {B.public}


def test_a_rotation_is_repeated_after_a_lost_answer_even_after_the_overlap(desk):
    desk.enrol(desk.token())
    desk.now += MINUTE
    first = desk.rotate(A, B)
    assert desk.rotate(A, B) == first, "in the same instant"
    desk.now += ROTATION_OVERLAP * 2
    assert desk.rotate(A, B) == first
    assert desk.good() == {B.public}


def test_a_copy_of_the_old_key_cannot_rotate_once_more(desk):
    desk.enrol(desk.token())
    desk.now += MINUTE
    desk.rotate(A, B)
    assert desk.rotation_refused(A, C) == "key_rotated"
    desk.now += ROTATION_OVERLAP
    assert desk.rotation_refused(A, C) == "key_revoked"
    assert desk.good() == {B.public}


def test_who_cannot_rotate(desk):
    desk.enrol(desk.token("gw-1"))
    desk.enrol(desk.token("gw-2"), B)
    desk.now += MINUTE
    assert desk.rotation_refused(C, B) == "key_unknown"
    assert desk.rotation_refused(A, C, "gw-2") == "key_unknown"
    assert desk.rotation_refused(A, B) == "key_taken"


def test_revoked_from_a_date(desk):
    desk.enrol(desk.token())
    date = NOW + timedelta(days=1)
    orders = {"refused_from": date, "reason": "stolen", "now": NOW, "source": "ann"}
    assert revoke(desk.engine, "gw-1", **orders) == 1
    assert desk.good(at=date - MINUTE) == {A.public}
    assert desk.good(at=date) == set()
    assert revoke(desk.engine, "gw-1", **orders | {"refused_from": date + MINUTE}) == 0
    desk.now = date
    assert desk.rotation_refused(A, B) == "key_revoked"
    with pytest.raises(NotFoundError):
        revoke(desk.engine, "gw-7", **orders)


def test_a_rotation_does_not_outlive_an_ordered_revocation(desk):
    desk.enrol(desk.token())
    desk.now += MINUTE
    revoke(
        desk.engine, "gw-1", refused_from=NOW + timedelta(hours=1), reason="sold", now=desk.now,
        source="ann",
    )  # fmt: skip
    assert desk.rotation_refused(A, B) == "key_revoked"
    assert desk.good(at=NOW + timedelta(hours=1)) == set()


def test_revocation_voids_the_token_that_waits_and_the_lost_answer(desk):
    token = desk.token()
    desk.enrol(token)
    waiting = desk.token(again=True)
    revoke(desk.engine, "gw-1", refused_from=NOW, reason="stolen", now=NOW, source="ann")
    assert desk.refused(waiting, B) == "token_replaced"
    assert desk.refused(token, A) == "key_revoked"
    assert desk.good() == set()


def test_what_a_gateway_is_told_about_its_key(desk):
    def status(gateway, key):
        query = ask_status(gateway, key, CORE.public, nonce=bytes(16))
        with desk.engine.connect() as conn:
            return report_key(conn, query, now=desk.now)

    desk.enrol(desk.token())
    assert status("gw-1", A).status is KeyStatus.IN_FORCE
    assert status("gw-1", B).status is KeyStatus.UNKNOWN
    assert status("gw-2", A).status is KeyStatus.UNKNOWN
    desk.now += MINUTE
    end = desk.rotate(A, B).old_refused_from
    assert (status("gw-1", A).status, status("gw-1", A).refused_from) == (KeyStatus.IN_FORCE, end)
    desk.now = end
    assert status("gw-1", A).status is KeyStatus.REVOKED


def test_the_list_of_gateways(desk):
    desk.enrol(desk.token("gw-2", site="north"), B)
    desk.enrol(desk.token("gw-1", site="south"))
    with desk.engine.connect() as conn:
        found = all_gateways(conn)
        assert [(one.gateway, one.site, len(one.keys)) for one in found] == [
            ("gw-1", "south", 1), ("gw-2", "north", 1),
        ]  # fmt: skip
        assert [key.in_force(NOW) for key in keys_of(conn)] == [True, True]


def test_strangers_cannot_fill_the_log(engine, monkeypatch):
    monkeypatch.setattr("hr_core.store.gateway_log.MAX_REFUSALS", 5)
    assert MAX_REFUSALS >= 100
    with writing(engine) as conn:
        for number in range(12):
            act = "refused" if number % 2 else "enrolled"
            note_act(conn, GatewayAct(at=NOW, act=act, gateway=str(number), source="x"))
            for more in range(3):
                note_act(
                    conn, GatewayAct(at=NOW, act="refused", gateway=f"{number}.{more}", source="x")
                )
        kept = acts(conn)
    assert sum(act.act == "refused" for act in kept) == 5
    assert kept[-1].gateway == "11.2"
    assert sum(act.act == "enrolled" for act in kept) == 6


def test_two_gateways_with_one_token_at_once(desk):
    """The database decides: one of them joins."""
    from concurrent.futures import ThreadPoolExecutor

    token = desk.token()

    def attempt(number):
        try:
            return desk.enrol(token, SigningKey(bytes([number] * 32))).public_key
        except EnrolmentRefusedError as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(20, 28)))
    assert outcomes.count("token_used") == 7
    assert len(desk.good()) == 1
    with desk.engine.connect() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(enrolment_tokens)).scalar() == 1
