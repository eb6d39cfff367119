"""J5: of a run by law, the journal of each cost centre is the slips of its people, to the fen."""

from msgspec.structs import replace

from hr_core.pay.journal import Part, centre_totals, journal_of_run
from hr_core.pay.slip import Side
from tests.hr_core.pay.law_plant import SHANGHAI, agree, enter, law_plant, run_month, slip_of

OF = {Side.EARNED: Part.EARNED, Side.DEDUCTED: Part.DEDUCTED, Side.EMPLOYER: Part.EMPLOYER}


def test_each_centre_carries_its_own_people(tmp_path):
    plant = law_plant(tmp_path)
    agree(plant, terms=replace(SHANGHAI, cost_centre="C1"))
    agree(plant, person="E2", terms=replace(SHANGHAI, base_fen=1_300_000, cost_centre="C2"))
    enter(plant, "instant_bonus", 12_345, person="E2")
    (run,) = run_month(plant)
    with plant.engine.connect() as conn:
        journal = journal_of_run(conn, 1)
    plant.engine.dispose()
    slips = {"C1": slip_of(run), "C2": slip_of(run, "E2")}
    for centre, slip in slips.items():
        rows = [row for row in journal.rows if row.cost_centre == centre]
        for side, part in OF.items():
            of_lines = sum(line.amount_fen for line in slip.lines if line.side is side)
            of_rows = sum(row.debit_fen - row.credit_fen for row in rows if row.part is part)
            assert of_rows == of_lines != 0
        (net,) = (row.credit_fen for row in rows if row.part is Part.NET)
        assert net == slip.total_fen
    totals = centre_totals(journal)
    assert totals.keys() == slips.keys()
    assert all(debit == credit for debit, credit in totals.values())
