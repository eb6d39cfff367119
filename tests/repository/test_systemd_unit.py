"""The shipped unit: valid, hardened as claimed, and what it starts exists."""

import subprocess


def test_the_unit_is_hardened_to_1_6_or_better(repository):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=16",
         repository / "systemd" / "edge-agent.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def test_the_hardening_check_can_fail(repository, tmp_path):
    unit = (repository / "systemd" / "edge-agent.service").read_text()
    soft = tmp_path / "edge-agent.service"
    soft.write_text(unit.replace("ProtectSystem=strict", "").replace("NoNewPrivileges=yes", ""))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=16", soft],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0


def test_the_unit_verifies(repository, tmp_path):
    """systemd-analyze verify wants the programs to exist: they stand in as /bin/true here."""
    unit = (repository / "systemd" / "edge-agent.service").read_text()
    copy = tmp_path / "edge-agent.service"
    copy.write_text(unit.replace("/opt/clockline/bin/edge-agent", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "edge-agent.service" not in done.stderr


def test_a_broken_unit_would_be_noticed(tmp_path):
    broken = tmp_path / "edge-agent.service"
    broken.write_text("[Service]\nType=nonsense\nExecStart=/bin/true\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", broken], capture_output=True, text=True, check=False
    )
    assert "nonsense" in done.stderr


def test_the_unit_notifies_and_has_a_watchdog(repository):
    lines = (repository / "systemd" / "edge-agent.service").read_text().splitlines()
    assert {"Type=notify", "WatchdogSec=60", "Restart=always"} <= set(lines)
    assert any(line.startswith("Environment=PYTHONSAFEPATH=1") for line in lines)
