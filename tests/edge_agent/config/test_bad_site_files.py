"""Every mistake is told with file, line, key and what to do; none is told twice."""

import pytest

from drivers.catalog import known_kinds
from edge_agent.config.loading import load_config
from edge_agent.config.problems import ConfigError

HEAD = """\
[site]
name = "plant"
zone = "Asia/Shanghai"

[gateway]
name = "gw-01"
"""
GATE = """
[[device]]
name = "gate"
kind = "zk-pull"
host = "10.0.0.7"
"""
KINDS = f"Known kinds: {', '.join(known_kinds())}"
ZK_KEYS = (
    "chunk_bytes, code_page, comm_key, follow, host, isolation, kind, live, name, poll_s, port, "
    "process_memory_mb, profile, record_layout, serial, timeout_s, transport"
)

NO_TOKEN = (
    "no token stands in the site file any more: this gateway signs with a key of its own. "
    "Delete this line, then: edge-agent enroll TOKEN, with what hr-core token prints"
)
BAD_FILES = {
    "misspelt device key": (
        f"{HEAD}{GATE}prot = 4370\n",
        [f'12: device[0].prot: unknown key, did you mean "port"? Known keys here: {ZK_KEYS}'],
    ),
    "key that resembles nothing": (
        f"{HEAD}colour = 1\n",
        ["7: gateway.colour: unknown key. Known keys here: name, runtime_dir, state_dir"],
    ),
    "misspelt table": (
        f"{HEAD}[uplnk]\n",
        [
            (
                '7: uplnk: unknown key, did you mean "uplink"? '
                "Known keys here: device, export, gateway, site, spool, uplink"
            )
        ],
    ),
    "no site": (
        '[gateway]\nname = "gw"\n',
        ['1: site: is missing. Add [site] with name = "…" and zone = "…"'],
    ),
    "no zone": (
        HEAD.replace('zone = "Asia/Shanghai"', ""),
        ["1: site.zone: is missing. Add `zone = …` to this table"],
    ),
    "unknown zone": (
        HEAD.replace("Shanghai", "Shangai"),
        [
            (
                '3: site.zone: unknown zone "Asia/Shangai", did you mean "Asia/Shanghai"? '
                'Use an IANA name such as "Asia/Shanghai" (not an offset, not an abbreviation)'
            )
        ],
    ),
    "unknown zone of a device": (
        f'{HEAD}{GATE}zone = "CST"\n',
        [
            (
                '12: device[0].zone: unknown zone "CST". '
                'Use an IANA name such as "Asia/Shanghai" (not an offset, not an abbreviation)'
            )
        ],
    ),
    "wrong type": (
        f'{HEAD}{GATE}port = "door"\n',
        ["12: device[0].port: must be a whole number, found 'door'. Correct this value"],
    ),
    "out of range": (
        f"{HEAD}{GATE}port = 70000\n",
        [
            (
                "12: device[0].port: should be less than or equal to 65535, found 70000. "
                "Correct this value"
            )
        ],
    ),
    "unknown kind": (
        f"{HEAD}{GATE.replace('zk-pull', 'zkpull')}",
        [f'10: device[0].kind: unknown kind "zkpull", did you mean "zk-pull"? {KINDS}'],
    ),
    "no kind": (
        f'{HEAD}\n[[device]]\nname = "gate"\n',
        [f"8: device[0].kind: is missing. {KINDS}"],
    ),
    "two devices of one name": (
        f"{HEAD}{GATE}{GATE}",
        [
            (
                '14: device[1].name: the name "gate" is taken by device[0]. '
                "Give each device its own name"
            )
        ],
    ),
    "one device, not a list": (
        f"{HEAD}{GATE.replace('[[device]]', '[device]')}",
        ["8: device: must be a list of tables. Write [[device]], not [device]"],
    ),
    "inside a device's own list": (
        (
            f'{HEAD}[[device]]\nname = "m"\nkind = "modbus-counter"\nhost = "h"\ncounters = [\n'
            '  { unit = 1, tag = "a", pieces = 0 },\n  { unit = 1, tag = "b", pices = 0 },\n]\n'
        ),
        [
            "13: device[0].counters[1].pieces: is missing. Add `pieces = …` to this table",
            (
                '13: device[0].counters[1].pices: unknown key, did you mean "pieces"? Known keys '
                "here: badge, badge_width, boot, byte_order, max_rate_per_s, modulus, pieces, "
                "pulses_per_piece, rejects, reset_after_read, scale, signed, tag, unit, width, "
                "word_order"
            ),
        ],
    ),
    "address without scheme": (
        f'{HEAD}[uplink]\nurl = "core"\n',
        ['8: uplink.url: "core" is not a web address. Write it like "https://core.example.com"'],
    ),
    "clear text to another machine": (
        f'{HEAD}[uplink]\nurl = "http://core.example.com"\n',
        [
            (
                '8: uplink.url: "http://core.example.com" would send punches in clear text. '
                "Write it with https://; http:// is for this machine only"
            ),
        ],
    ),
    "tokens of before": (
        f'{HEAD}[uplink]\nurl = "https://c"\ntoken = "s3cret"\ntoken_file = 80351\n',
        [f"9: uplink.token: {NO_TOKEN}", f"10: uplink.token_file: {NO_TOKEN}"],
    ),
    "key without certificate": (
        f'{HEAD}[uplink]\nurl = "https://c"\nclient_key = "k"\n',
        [
            "7: uplink: client_key is set without client_cert. Add client_cert = … beside it",
        ],
    ),
    "secret that its driver refuses": (
        f'{HEAD}{GATE}comm_key = "80351x"\n',
        ["12: device[0].comm_key: a comm key is a number from 0 to 999999. Correct this value"],
    ),
    "no quotes": (
        HEAD.replace('"gw-01"', "gw-01"),
        [
            (
                "6:8: not valid TOML: invalid value. "
                "Text values need quotes; tables look like [site] and [[device]]"
            )
        ],
    ),
    "ends in the middle": (
        f"{HEAD}[uplink",
        [
            (
                "7: not valid TOML: expected ']' at the end of a table declaration. "
                "Text values need quotes; tables look like [site] and [[device]]"
            )
        ],
    ),
    "several at once, in file order": (
        f"{HEAD}{GATE}prot = 1\n[sites]\n".replace("Shanghai", "Nowhere"),
        [
            (
                '3: site.zone: unknown zone "Asia/Nowhere". '
                'Use an IANA name such as "Asia/Shanghai" (not an offset, not an abbreviation)'
            ),
            f'12: device[0].prot: unknown key, did you mean "port"? Known keys here: {ZK_KEYS}',
            (
                '13: sites: unknown key, did you mean "site"? '
                "Known keys here: device, export, gateway, site, spool, uplink"
            ),
        ],
    ),
}


@pytest.mark.parametrize(("text", "told"), BAD_FILES.values(), ids=BAD_FILES)
def test_names_file_line_key_and_remedy(tmp_path, text, told):
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert [str(problem) for problem in caught.value.problems] == [
        f"{path}:{line}" for line in told
    ]


@pytest.mark.parametrize("key", ["ca_file", "client_cert"])
def test_a_certificate_file_that_is_not_there(tmp_path, key):
    path = tmp_path / "site.toml"
    path.write_text(f'{HEAD}[uplink]\nurl = "https://c"\n{key} = "x.pem"\n')

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert [str(problem) for problem in caught.value.problems] == [
        (
            f"{path}:9: uplink.{key}: {tmp_path / 'x.pem'} cannot be read (No such file or "
            "directory). Name a PEM file that the agent's user may read"
        )
    ]
    (tmp_path / "x.pem").write_text("")
    assert getattr(load_config(path).uplink, key) == tmp_path / "x.pem"


def test_no_secret_is_told(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(f'{HEAD}{GATE}comm_key = "80351x"\n[uplink]\nurl = 1\ntoken = 80351\n')

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert len(caught.value.problems) == 3
    assert "80351" not in "\n".join(map(str, caught.value.problems)) + str(caught.value)


def test_the_error_in_one_line_names_the_command_that_tells_all(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text("")

    with pytest.raises(ConfigError) as caught:
        load_config(path)

    assert caught.value.try_command == f"edge-agent config check -c {path}"
    assert "(and 1 more)" in str(caught.value)
