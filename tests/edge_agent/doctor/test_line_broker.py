"""The defaults of a real Mosquitto are found, the profile that we ship passes, nobody is pushed out."""

import shutil

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from drivers.modbus_counter import ModbusCounterConfig
from drivers.mqtt_line import MqttLineConfig
from edge_agent.doctor.findings import Code, Severity
from edge_agent.doctor.line_broker import check_line_brokers
from tests.drivers.line_broker import PROFILE, line_broker
from tests.free_ports import free_port


def device(port, **more):
    return MqttLineConfig(name="hall", kind="mqtt-line", host="127.0.0.1", port=port, **more)


def examined(port, mosquitto, **more):
    return {
        one.code: one for one in check_line_brokers([device(port, **more)], mosquitto=mosquitto)
    }


def test_a_broker_with_its_defaults_drops_and_forgets(tmp_path):
    mosquitto = tmp_path / "mosquitto.conf"
    mosquitto.write_text("persistence true\nlistener 1883\n")
    defaults = dict.fromkeys(("max_queued_messages", "max_queued_bytes", "max_inflight_messages"))
    with line_broker(tmp_path / "broker", **defaults) as broker:
        agent = paho.Client(CallbackAPIVersion.VERSION2, "clockline-hall", clean_session=False)
        lost = []
        agent.on_disconnect = lambda *_: lost.append(1)
        agent.connect("127.0.0.1", broker.port)
        agent.loop_start()
        found = examined(broker.port, mosquitto)
        assert lost == [], "the running agent was not touched"
        agent.disconnect()
        agent.loop_stop()
    assert found[Code.LINE_BROKER_DROPS].severity is Severity.WARN
    assert "kept 1000 of 1050" in found[Code.LINE_BROKER_DROPS].what
    assert found[Code.LINE_BROKER_FORGETS].severity is Severity.WARN
    assert "autosave_interval is 1800" in found[Code.LINE_BROKER_FORGETS].what


def test_the_profile_passes(tmp_path):
    (tmp_path / "conf.d").mkdir()
    shutil.copy(PROFILE, tmp_path / "conf.d")
    mosquitto = tmp_path / "mosquitto.conf"
    mosquitto.write_text(f"persistence false\ninclude_dir {tmp_path}/conf.d\n")
    with line_broker(tmp_path / "broker") as broker:
        found = examined(broker.port, mosquitto)
        assert "clockline-doctor" in broker.log()
    assert {code: one.severity for code, one in found.items()} == {
        Code.LINE_BROKER_DROPS: Severity.OK,
        Code.LINE_BROKER_FORGETS: Severity.OK,
    }


def test_what_cannot_be_tried_is_said_and_no_alarm(tmp_path):
    found = examined(free_port(), tmp_path / "none")
    assert set(found) == {Code.LINE_BROKER_UNKNOWN}
    passwords = tmp_path / "passwords"
    passwords.touch()
    extra = f"password_file {passwords}\n"
    with line_broker(tmp_path / "b", allow_anonymous="false", extra=extra) as broker:
        found = list(check_line_brokers([device(broker.port)], mosquitto=tmp_path / "none"))
    assert "does not let the probe in" in found[0].what


def test_other_devices_and_known_brokers_are_passed_over(tmp_path):
    counters = [{"unit": 1, "tag": "a", "pieces": 0}]
    other = ModbusCounterConfig(name="m", kind="modbus-counter", host="h", counters=counters)
    port = free_port()
    devices = [other, device(port), device(port)]
    assert len(list(check_line_brokers(devices, mosquitto=tmp_path / "none"))) == 2
