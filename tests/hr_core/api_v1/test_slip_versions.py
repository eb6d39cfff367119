"""A payslip that was reversed: the API tells each version, and what it took back of the one before."""

import pytest
from msgspec.structs import replace

from hr_core.approvals.kinds import Kind
from hr_core.pay.slip import net_fen
from hr_core.store.database import writing
from hr_core.store.pay_reversals import Reversal, add_reversal
from hr_core.store.results import lines_of
from tests.hr_core.accounts.quick import account, bearer_of
from tests.hr_core.two_people import approved
from tests.hr_core.web.plant import NOW, approved_plant

SLIP = "/api/v1/people/1002/slips/1"
RAISE_FEN = (12_300, 5_000)


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """1002's slip of run 1 was reversed twice; 1003's never."""
    engine = approved_plant(tmp_path_factory.mktemp("versions"))
    account(engine, "self", "worker", person="1002", at=NOW)
    account(engine, "hr", "hr", at=NOW)
    with writing(engine) as conn:
        lines = tuple(lines_of(conn, 1, "1002"))
        for version, more in enumerate(RAISE_FEN, 2):
            made = approved(conn, Kind.REVERSAL, "payslip of 1002 in run 1", {}, NOW)
            new = (replace(lines[0], amount_fen=lines[0].amount_fen + more), *lines[1:])
            add_reversal(conn, reversal(version, made.number, lines, new))
            lines = new
    yield engine
    engine.dispose()


def reversal(version, approval, old, new):
    return Reversal(
        number=version, run=1, month="2026-10", person="1002", version=version, reason="late punch",
        approval=approval, entered_by="first person", approved_by="second person", at=NOW,
        reversed_lines=tuple(replace(one, amount_fen=-one.amount_fen) for one in old), new_lines=new,
    )  # fmt: skip


@pytest.fixture
def ask(core, served):
    async def asked(name, *paths):
        async with served(core) as client:
            client.headers = bearer_of(core, name, at=NOW)
            return [await client.get(path) for path in paths]

    return asked


@pytest.mark.parametrize("name", ["self", "hr"])
async def test_each_version_and_what_it_replaced(core, ask, name):
    slip, told = [one.json() for one in await ask(name, SLIP, f"{SLIP}/versions")]
    first, *later = told["versions"]
    assert (first["version"], first["replaced"], first["at"]) == (1, [], None)
    assert first["lines"] == slip["lines"], "the slip of the run stays"
    assert (slip["newest_version"], slip["total_fen"]) == (3, first["total_fen"])
    before = first
    for one, more in zip(later, RAISE_FEN, strict=True):
        assert one["version"] == before["version"] + 1
        assert [line["amount_fen"] for line in one["replaced"]] == [
            -line["amount_fen"] for line in before["lines"]
        ]
        assert one["difference_fen"] == one["total_fen"] - before["total_fen"] == more
        assert (one["entered_by"], one["approved_by"]) == ("first person", "second person")
        before = one
    with core.connect() as conn:
        assert first["total_fen"] == net_fen(lines_of(conn, 1, "1002"))


async def test_a_slip_that_was_never_reversed_has_one_version(ask):
    place = "/api/v1/people/1003/slips/1"
    slip, told = await ask("hr", place, f"{place}/versions")
    assert [one["version"] for one in told.json()["versions"]] == [1]
    assert slip.json()["newest_version"] == 1


async def test_versions_of_others_are_nobodys(ask):
    paths = [f"/api/v1/people/{one}/slips/1/versions" for one in ("1003", "none")]
    other, nobody = await ask("self", *paths)
    assert other.status_code == nobody.status_code == 404
    assert other.content == nobody.content
