"""What the demo says at its end about the line it played."""

from edge_agent.demo.account import Account
from edge_agent.demo.summary import board_sentence


def test_it_names_the_board_and_the_counts_that_are_on_it():
    account = Account(
        punches_on_device=1, fetched=1, stored=1, acked=1, lost=0, doubled=0, quarantined=0,
        counts_acked=9254, days=1, payslips=1, total_fen=1, months=("2026-10",), runs=(1,),
        not_computed=(), days_to_clarify=0, rates=(), slips=(), explained={}, seconds=1.0,
    )  # fmt: skip
    said = board_sentence(account)
    assert "9254 counter readings" in said
    assert "http://localhost:8460/en/board?shift=day&day=2026-10-15" in said
    assert "hr-core --db FOLDER/core.db serve" in said
