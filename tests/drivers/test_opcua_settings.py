"""What of the OPC UA driver needs no server, and no extra."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from drivers.errors import BlockedError
from drivers.opcua_counter import OpcuaCounterConfig, client


def test_asyncua_loads_only_when_a_server_is_asked():
    script = (
        "import sys; from drivers.catalog import load_driver; load_driver('opcua-counter');"
        "import simulators.opcua_counter; assert 'asyncua' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=20)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("BadUserAccessDenied", "login_refused"),
        ("BadCertificateUntrusted", "certificate_refused"),
        ("BadSecurityChecksFailed", "certificate_refused"),
        ("BadTooManySessions", "opcua_status"),
    ],
)
def test_refusals_by_who_must_act(status, code):
    error = client._refused(status, "opc.tcp://h")
    assert (error.code, isinstance(error, BlockedError)) == (code, code != "opcua_status")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"url": "http://10.0.0.1"}, "no address"),
        ({"url": "opc.tcp://me:secret@10.0.0.1"}, "names a user"),
        ({"security": "sign"}, "certificate and private_key"),
        ({"badge_queue_size": 1}, "greater than or equal to 2"),
        ({"counters": [{"tag": "a", "pieces": "Line1"}]}, "pattern"),
        ({"counters": [{"tag": "a", "pieces": "i=1"}, {"tag": "a", "pieces": "i=2"}]}, "more than"),
    ],
)
def test_settings_that_cannot_be(keys, words):
    table = {"name": "x", "kind": "opcua-counter", "url": "opc.tcp://h:4840",
             "counters": [{"tag": "a", "pieces": "ns=2;s=a"}]}  # fmt: skip
    with pytest.raises(ValidationError, match=words):
        OpcuaCounterConfig.model_validate(table | keys)
