from datetime import UTC, datetime, timedelta

from drivers.contract import DeviceConfig
from drivers.pulse_counter import PulseCounterConfig
from edge_agent.doctor import line
from edge_agent.doctor.findings import Code, Severity
from edge_agent.doctor.line import check_line, check_line_orders
from edge_agent.line_orders import LineReplacement, give_order


def box(port):
    return PulseCounterConfig(name="box", kind="pulse-counter", port=port, tag="t")


def test_ports_that_change_their_device_are_named():
    (finding,) = check_line(
        [box("/dev/ttyUSB0"), box("/dev/serial/by-id/usb-x"), box("/dev/ttyS1")]
    )
    assert (finding.code, finding.severity) == (Code.SERIAL_PORT_MOVES, Severity.WARN)
    assert "/dev/ttyUSB0" in finding.where
    assert "/dev/serial/by-id" in finding.remedy


def test_the_extra_is_asked_for_only_where_it_is_needed(monkeypatch):
    opcua = DeviceConfig(name="plc", kind="opcua-counter")
    monkeypatch.setattr(line, "find_spec", lambda _: None)
    (finding,) = check_line([opcua])
    assert (finding.code, finding.severity) == (Code.OPCUA_EXTRA, Severity.BAD)
    assert "clockline[opcua]" in finding.remedy
    monkeypatch.setattr(line, "find_spec", lambda _: object())
    assert [finding.severity for finding in check_line([opcua])] == [Severity.OK]
    assert list(check_line([box("/dev/ttyS1")])) == []


def test_an_order_that_nobody_takes_up_is_told(tmp_path):
    assert list(check_line_orders(tmp_path, datetime.now(UTC))) == []
    at = datetime(2026, 11, 21, tzinfo=UTC)
    order = LineReplacement(source="BOX", tag="saw", at=at, reason="x", by="ops", zone="UTC")
    give_order(tmp_path, order)
    assert list(check_line_orders(tmp_path, datetime.now(UTC))) == []
    (finding,) = check_line_orders(tmp_path, datetime.now(UTC) + timedelta(minutes=2))
    assert (finding.code, finding.severity) == (Code.LINE_ORDER_WAITS, Severity.WARN)
    assert "BOX/saw" in finding.where
    assert "ops" in finding.what
