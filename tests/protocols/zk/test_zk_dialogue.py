"""Conversations against scripted terminals; the bytes are those of real sessions."""

from datetime import datetime

import pytest

from protocols.errors import ProtocolError, RefusedError, TruncatedError
from protocols.zk.dialogue import (
    SilenceError,
    end,
    login,
    read_option,
    read_options,
    read_sizes,
    read_time,
    read_version,
    register_events,
)
from protocols.zk.refusals import (
    AccessControlModeError,
    BusyError,
    EncryptedFirmwareError,
    LockedOutError,
    StorageError,
    UnauthorisedError,
    UnknownCommandError,
    WrongKeyError,
    refusal,
)
from tests.protocols.zk.scripted_terminal import Play, packet


def answers(by_command):
    return lambda request: [by_command[request.command]]


def keyed(right_token: str):
    def device(request):
        if request.command == 1000:
            return [packet(2005)]
        if request.command == 1102:
            return [packet(2000 if request.data.hex() == right_token else 2005)]
        return [packet(2000)]

    return device


def test_login_without_a_key_announces_the_sdk():
    play = Play(lambda _: [packet(2000)])
    play.run(login(None))
    assert play.commands == [1000, 12]
    assert play.requests[1].data == b"SDKBuild=1\0"


def test_login_with_the_right_key():
    play = Play(keyed("614d323c"))
    play.run(login(12))
    assert play.commands == [1000, 1102, 12]


def test_a_terminal_that_demands_auth_though_no_key_was_set_gets_key_zero():
    play = Play(keyed("617d323c"))
    play.run(login(None))
    assert play.requests[1].data.hex() == "617d323c"


@pytest.mark.parametrize(("key", "words"), [(45, "is wrong"), (None, "none is set")])
def test_a_wrong_key_says_what_to_compare(key, words):
    with pytest.raises(WrongKeyError, match=words) as caught:
        Play(keyed("614d323c")).run(login(key))
    assert caught.value.code == 2005


@pytest.mark.parametrize(
    ("code", "error"), [(6001, EncryptedFirmwareError), (2032, LockedOutError)]
)
def test_refusals_of_the_session(code, error):
    with pytest.raises(error) as caught:
        Play(lambda _: [packet(code)]).run(login(1))
    assert (caught.value.request, caught.value.code) == (1000, code)


def test_a_terminal_that_refuses_sdkbuild_is_used_all_the_same():
    Play(lambda request: [packet(2001 if request.command == 12 else 2000)]).run(login(None))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (2001, RefusedError),
        (2003, BusyError),
        (2005, UnauthorisedError),
        (4989, AccessControlModeError),
        (4993, StorageError),
        (65533, UnknownCommandError),
        (65535, UnknownCommandError),
        (31, RefusedError),
    ],
)
def test_each_refusal_has_its_class(code, error):
    found = refusal(13, packet(code))
    assert type(found) is error
    assert str(code) in str(found)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (packet(2000, b"~SerialNumber=OIN7040057\0"), "OIN7040057"),
        (packet(2000, b"serialnumber=OIN7040057\0stale"), "OIN7040057"),
        (packet(2000, b"~SerialNumber=\0"), None),
        (packet(2000, b""), None),
        (packet(2001), None),
        (packet(65535), None),
    ],
)
def test_options(answer, value):
    play = Play(lambda _: [answer])
    assert play.run(read_option("~SerialNumber")) == value
    assert play.requests[0].data == b"~SerialNumber\0"


def test_an_answer_about_another_option_is_no_answer():
    with pytest.raises(ProtocolError, match="MAC"):
        Play(lambda _: [packet(2000, b"MAC=00:17\0")]).run(read_option("~SerialNumber"))


def test_an_option_value_keeps_bytes_of_an_unknown_code_page():
    play = Play(lambda _: [packet(2000, b"~OEMVendor=\xd6\xd0\0")])
    assert play.run(read_option("~OEMVendor")) == r"\xd6\xd0"


def test_options_that_the_terminal_does_not_know_are_left_out():
    def device(request):
        return [packet(2000, b"~OS=1\0") if request.data == b"~OS\0" else packet(2001)]

    assert Play(device).run(read_options(["~OS", "WorkCode"])) == {"~OS": "1"}


def test_version_and_clock():
    by_command = {
        1100: packet(2000, b"Ver 6.60 Apr 26 2016\0"),
        201: packet(2000, bytes.fromhex("88b28233")),
    }
    play = Play(answers(by_command))
    assert play.run(read_version()) == "Ver 6.60 Apr 26 2016"
    assert play.run(read_time()) == datetime(2026, 11, 21, 8, 30)


def test_a_clock_that_shows_no_date_is_none_and_a_short_reply_an_error():
    assert Play(lambda _: [packet(2000, b"\0\x99\x27\0" + b"")]).run(read_time()) is not None
    assert (
        Play(lambda _: [packet(2000, (60 * 86_400).to_bytes(4, "little"))]).run(read_time()) is None
    )
    with pytest.raises(TruncatedError):
        Play(lambda _: [packet(2000, b"\0\0")]).run(read_time())


def test_a_refused_question_names_the_command():
    with pytest.raises(RefusedError) as caught:
        Play(lambda _: [packet(2001)]).run(read_sizes())
    assert caught.value.request == 50


def test_asking_for_live_events_enables_nothing():
    play = Play(lambda _: [packet(2000)])
    play.run(register_events(1))
    assert [(r.command, r.data.hex()) for r in play.requests] == [(500, "01000000")]


def test_the_end_needs_no_particular_answer_but_silence_is_told():
    Play(lambda _: [packet(2005)]).run(end())
    with pytest.raises(SilenceError):
        Play(lambda _: []).run(end())
