"""What nobody foresaw must not look like "degraded" to a script."""

import pytest

from edge_agent import front_door


@pytest.mark.parametrize(
    ("raised", "code"), [(RuntimeError("surprise"), 2), (KeyboardInterrupt(), 130)]
)
def test_an_unforeseen_failure_has_its_own_exit_code(monkeypatch, capsys, raised, code):
    def fail(arguments):
        raise raised

    monkeypatch.setattr(front_door, "_dispatch", fail)
    assert front_door.main(["anything"]) == code
    shown = capsys.readouterr().err
    assert ("bug of ours" in shown) == (code == 2)
    assert ("surprise" in shown) == (code == 2)
