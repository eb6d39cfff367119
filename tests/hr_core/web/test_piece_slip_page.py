"""Piece pay on the payslip's page: prices, tiers and rows of the tally sheet in words, nothing of others."""

from tests.hr_core.pay.law_plant import run_month
from tests.hr_core.pay.piece.test_piece_run import plant as piece_plant  # noqa: F401 - a fixture
from tests.hr_core.pay.piece.test_piece_run import tally
from tests.hr_core.web.page_reading import read


async def test_a_line_of_pieces_opens_to_the_rows_of_the_sheet(piece_plant, browse):  # noqa: F811 - the fixture
    tally(piece_plant, "2026-10-09,E1,P1,weld,5000,10,")
    run_month(piece_plant)
    async with browse(piece_plant.engine) as client:
        chinese = await read(client, "/zh/run/1/E1")
        english = await read(client, "/en/run/1/E1")
    assert "计件工资 · P1 weld" in chinese.text
    assert "计件记录 2026-10-09: 5000 件 · tally.csv 第 2 行 · clerk 录入" in chinese.text
    assert "counted = " not in english.text
    assert "tallied = pieces of the tally rows" in english.text
    assert "Price (yuan) 1" in english.text
    assert "Worth of the scrap ¥30.00" in english.text
    assert "Cap in percent 20" in english.text
