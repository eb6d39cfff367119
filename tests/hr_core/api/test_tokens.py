import pytest
import sqlalchemy as sa

from hr_core.store.events import gateways
from hr_core.tokens import Gateway, check_token, issue_token
from tests.hr_core.ingest.batch_samples import NOW


def issue(engine, gateway="gate-1", entropy=bytes(range(32))):
    return issue_token(engine, gateway, "plant", now=NOW, entropy=entropy)


def test_a_token_stands_for_its_gateway_and_is_not_stored(engine):
    token = issue(engine)
    assert check_token(engine, token) == Gateway(name="gate-1", site="plant")
    with engine.connect() as conn:
        row = conn.execute(sa.select(gateways)).one()
    assert token not in repr(row)
    assert len(row.token_sha256) == 32


@pytest.mark.parametrize("wrong", ["", "clg_", "x" * 10_000, "\udcff", "clg_密"])
def test_anything_else_stands_for_nobody(engine, wrong):
    token = issue(engine)
    assert check_token(engine, wrong) is None
    assert check_token(engine, token + "A") is None
    assert check_token(engine, token[:-1]) is None


def test_a_new_token_replaces_the_old_one(engine):
    old = issue(engine)
    other = issue(engine, "gate-2", bytes(32))
    new = issue(engine, entropy=bytes(range(1, 33)))
    assert check_token(engine, old) is None
    assert check_token(engine, new).name == "gate-1"
    assert check_token(engine, other).name == "gate-2"


def test_a_guessable_token_is_not_issued(engine):
    with pytest.raises(ValueError, match="random bytes"):
        issue(engine, entropy=bytes(15))
