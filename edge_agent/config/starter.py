"""What `config init` writes."""

from pathlib import Path

from edge_agent.config.places import DEFAULT_STATE_DIR

_TEMPLATE = """\
# Clockline site file. Check it with: edge-agent config check -c site.toml
# All keys: edge-agent config schema
# Lines that start with # and no blank are examples: take the # away to switch them on.

[site]
name = "my-site"
# The zone of the wall clocks in this place (IANA name). Correct it if it is another one.
zone = "ZONE"
# Where the devices are: one that gets a new address is found here by its serial.
#networks = ["10.0.0.0/24"]

[gateway]
name = "gw-01"
# The spool lives here and must survive restarts and updates.
state_dir = "STATE_DIR"

# The HR core. Without this table the gateway collects and keeps. Once: edge-agent enroll TOKEN
#[uplink]
#url = "https://core.example.com"
#ca_file = "/etc/edge-agent/ca.pem"   # for a private CA; without it the public ones are trusted

DEVICES# A counter box with Modbus TCP on the line.
#[[device]]
#name = "line-1"
#kind = "modbus-counter"
#host = "10.0.0.20"
#poll_s = 10
#counters = [{ unit = 1, tag = "press", pieces = 0, rejects = 2 }]

# A card reader (RDM6300 and its kin) on a serial port.
#[[device]]
#name = "canteen"
#kind = "rdm6300"
#port = "/dev/serial/by-id/usb-…"
"""

_EXAMPLE = """\
# One [[device]] for each device. This one: a ZKTeco terminal that is asked over the network.
#[[device]]
#name = "gate"
#kind = "zk-pull"
#host = "10.0.0.7"
#serial = "CEXA123456789"   # from `edge-agent device info zk-pull://10.0.0.7`: refuses any other
#comm_key = 0               # the number under Comm. > PC Connection, if one is set
#poll_s = 60

"""


def site_file(
    *,
    zone: str = "Asia/Shanghai",
    state_dir: Path = DEFAULT_STATE_DIR,
    networks: tuple[str, ...] = (),
    devices: str = "",
) -> str:
    """A commented site file; `devices` is TOML for the ones that are known, else an example."""
    text = _TEMPLATE.replace("ZONE", zone).replace("STATE_DIR", str(state_dir))
    if networks:
        listed = ", ".join(f'"{network}"' for network in networks)
        text = text.replace('#networks = ["10.0.0.0/24"]', f"networks = [{listed}]")
    return text.replace("DEVICES", devices or _EXAMPLE)


STARTER = site_file()
