"""`hr-core pay slip|journal|export` on a small plant."""

import json

import pytest

from hr_core.cli import main


@pytest.fixture
def paid(plant, capfd):
    assert main(["pay", "run", "--month", "2026-10"]) in {0, 1}
    capfd.readouterr()
    return plant


def test_the_slip_as_text_in_both_languages(paid, capfd):
    assert main(["pay", "slip", "1", "E001"]) == 0
    told = capfd.readouterr().out
    assert told.startswith("2026-10 工资条  张伟 E001")
    assert "加班 2:00,每小时 50.00 的 1.5 倍" in told
    assert "哪些天: 12日 2:00 (1 天)" in told
    assert "本月没有计付的休息日加班" in told
    assert main(["pay", "slip", "1", "E001", "--lang", "en"]) == 0
    english = capfd.readouterr().out
    assert "2:00 hours at 1.5 times 50.00 an hour" in english
    assert main(["pay", "slip", "1", "E001", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["changes"] is None
    assert sum(one["amount_fen"] for one in found["lines"]) == found["net_fen"]
    assert main(["pay", "slip", "1", "E009"]) == 3 or main(["pay", "slip", "7", "E001"]) == 3
