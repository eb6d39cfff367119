"""What the spool says about deleting a terminal's log."""

import json

import pytest

from edge_agent.config.places import SPOOL_NAME
from edge_agent.spool.clearance import Clearance, read_clearance, refuse_unless_clear
from edge_agent.spool.errors import SpoolError
from tests.edge_agent.status.gateway_on_disk import SERIAL, make_gateway

CLEAR = Clearance(cursor=b"here", waiting=0, refused=0, quarantined=0, sinks=1)


def test_a_log_that_is_here_and_with_the_core_may_go(tmp_path):
    assert refuse_unless_clear(CLEAR, tmp_path) == b"here"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cursor": None}, "nothing of this terminal's log"),
        ({"sinks": 0}, "no core"),
        ({"waiting": 1}, "1 punches of this terminal wait"),
        ({"refused": 2}, "refused 2 punches"),
        ({"quarantined": 3}, "3 rows"),
    ],
)
def test_each_reason_against_it_is_told(tmp_path, change, said):
    with pytest.raises(SpoolError, match=said) as caught:
        refuse_unless_clear(CLEAR._replace(**change), tmp_path)
    assert caught.value.remedy.startswith("Nothing was deleted.")
    assert caught.value.code == "clear_refused"


def test_a_terminal_that_was_never_read(tmp_path):
    site = make_gateway(tmp_path)
    spool = site.parent / "state" / SPOOL_NAME
    assert read_clearance(spool, "OTHER").cursor is None
    assert read_clearance(spool, SERIAL).cursor is None, "this one stored rows without a cursor"
    assert json.dumps(read_clearance(spool, SERIAL)._asdict())


def test_rows_in_quarantine_count(tmp_path):
    site = make_gateway(tmp_path, punches=1, quarantined=2)
    assert read_clearance(site.parent / "state" / SPOOL_NAME, SERIAL).quarantined == 2


def test_no_spool_is_an_error(tmp_path):
    with pytest.raises(SpoolError, match="no spool"):
        read_clearance(tmp_path / SPOOL_NAME, SERIAL)
