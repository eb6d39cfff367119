"""The channels on real sockets: a webhook receiver that checks the signature, a mail server."""

import asyncio
import contextlib
import hmac
import importlib.util
import json
import socket
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest

from hr_core.errors import CoreError
from hr_core.notify.channels import (
    ChannelError,
    LogChannel,
    WebhookChannel,
    open_channel,
    signature,
)
from hr_core.notify.settings import ChannelSettings, ChannelsFileError, read_channels
from tests.hr_core.notify.test_alert_messages import PERSON, said

SECRET = b"a shared secret"
NOW_S = 1_795_156_200


class Receiver:
    """One HTTP answer for each request; keeps what came."""

    def __init__(self, status="204 No Content", body=b""):
        self.status, self.body = status, body
        self.requests = []

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        headers = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((lines[0], headers, body))
        writer.write(
            f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + self.body
        )
        await writer.drain()


@asynccontextmanager
async def listening(serve):
    talks = set()

    async def talk(reader, writer):
        talks.add(asyncio.current_task())
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*talks, return_exceptions=True)


@asynccontextmanager
async def webhook(port):
    channel = WebhookChannel(f"http://127.0.0.1:{port}/alerts", SECRET, timeout_s=2)
    try:
        yield channel
    finally:
        await channel.aclose()


async def test_a_webhook_is_signed_over_the_bytes_that_are_sent():
    receiver = Receiver()
    async with listening(receiver.serve) as port, webhook(port) as channel:
        answer = await channel.send(said(PERSON), NOW_S)
        await channel.send(said(PERSON), NOW_S + 60)
    line, headers, body = receiver.requests[0]
    assert (line, answer) == ("POST /alerts HTTP/1.1", "HTTP 204")
    given = hmac.new(SECRET, headers["clockline-timestamp"].encode() + b"." + body, sha256)
    assert headers["clockline-signature"] == f"v1={given.hexdigest()}"
    assert headers["clockline-timestamp"] == str(NOW_S)
    keys = {one[1]["idempotency-key"] for one in receiver.requests}
    assert len(keys) == 1, "sent again it is still the same saying"
    told = json.loads(body)
    assert told["schema"] == "clockline.alert/1"
    assert (told["alert"], told["occasion"]) == (PERSON.identity, "raised")
    assert (told["rejects"], told["pieces"], told["owner"]) == (31, 420, "9001")


def test_the_signature_is_that_of_the_gateways_webhook():
    from sync.exporters import webhook as exporter

    assert signature(SECRET, NOW_S, b"{}") == exporter.signature(SECRET, NOW_S, b"{}")


@pytest.mark.parametrize("status", ["500 Oh", "404 Not Found", "302 Found", "429 Slow"])
async def test_any_answer_but_a_2xx_is_not_taken(status):
    receiver = Receiver(status, b"no\r\n such\x1b[31m hook " + b"x" * 4000)
    async with listening(receiver.serve) as port, webhook(port) as channel:
        with pytest.raises(ChannelError) as told:
            await channel.send(said(PERSON), NOW_S)
    assert str(told.value).startswith(f"HTTP {status[:3]} no such[31m hook")
    assert len(str(told.value)) < 300


async def test_nobody_there_and_nobody_answering_are_not_taken():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with webhook(closed.getsockname()[1]) as channel:
            with pytest.raises(ChannelError, match="ConnectError"):
                await channel.send(said(PERSON), NOW_S)

    async def dumb(reader, writer):
        await reader.read()

    async with listening(dumb) as port:
        channel = WebhookChannel(f"http://127.0.0.1:{port}/", SECRET, timeout_s=0.2)
        with pytest.raises(ChannelError, match="Timeout"):
            await channel.send(said(PERSON), NOW_S)
        await channel.aclose()


async def test_the_log_says_it_in_both_languages(caplog):
    await LogChannel().send(said(PERSON), NOW_S)
    assert "Defect rate alert: 张敏" in caplog.text
    assert "次品率提醒:张敏" in caplog.text


class MailServer:
    """As much SMTP as a client needs; keeps the letters."""

    def __init__(self):
        self.letters = []

    async def serve(self, reader, writer):
        async def answer(text):
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        await answer("220 here")
        while line := await reader.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                await answer("354 go on")
                letter = await reader.readuntil(b"\r\n.\r\n")
                self.letters.append(letter.decode(errors="replace"))
            if verb == b"QUIT":
                await answer("221 bye")
                break
            await answer("250 ok")


@pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None,
    reason="apprise is not in this environment yet: sh requirements/lock.sh",
)
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # Apprise still imports it
class TestMail:
    async def test_a_letter_arrives(self, tmp_path):
        mail = MailServer()
        async with listening(mail.serve) as port:
            channel = open_channel(self.settings(tmp_path, port))
            answer = await channel.send(said(PERSON), NOW_S)
        (letter,) = mail.letters
        assert "to: boss@example.com" in letter.lower() or "boss@example.com" in letter
        assert answer == "taken by the mail server"
        assert "base64" in letter or "Defect rate" in letter

    async def test_a_server_that_is_away_is_told(self, tmp_path):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            channel = open_channel(self.settings(tmp_path, closed.getsockname()[1]))
            with pytest.raises(ChannelError, match="not taken"):
                await channel.send(said(PERSON), NOW_S)

    async def test_an_address_that_is_none_is_refused_when_it_is_read(self, tmp_path):
        file = tmp_path / "mail.apprise"
        file.write_text("nosuch://x\n")
        file.chmod(0o600)
        with pytest.raises(CoreError, match="address 1"):
            open_channel(ChannelSettings(name="m", kind="email", address_file=str(file)))

    def settings(self, folder, port):
        file = folder / "mail.apprise"
        file.write_text(
            f"# ours\nmailto://127.0.0.1:{port}?from=core@example.com&to=boss@example.com\n"
        )
        file.chmod(0o600)
        return ChannelSettings(name="mail", kind="email", address_file=str(file))


def written(folder, text):
    file = folder / "channels.toml"
    file.write_text(text)
    return file


def test_a_file_of_channels_is_read(tmp_path):
    file = written(
        tmp_path,
        '[[channel]]\nname = "log"\nkind = "log"\n'
        '[[channel]]\nname = "hook"\nkind = "webhook"\nurl = "https://example.com/a"\n'
        'secret_file = "/x"\nroles = ["manager"]\n',
    )
    log, hook = read_channels(file)
    assert log.carries("anybody")
    assert hook.carries("manager")
    assert not hook.carries("plant_manager")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[channel]", "channels.toml"),
        ('[[channel]]\nname = "a"\nkind = "pigeon"\n', "pigeon"),
        ('[[channel]]\nname = "A b"\nkind = "log"\n', "name"),
        ('[[channel]]\nname = "a"\nkind = "log"\ncolour = "red"\n', "colour"),
        ('[[channel]]\nname = "a"\nkind = "webhook"\nurl = "https://x"\n', "secret_file"),
        (
            '[[channel]]\nname = "a"\nkind = "webhook"\nurl = "ftp://x"\nsecret_file = "/x"\n',
            "http",
        ),
        ('[[channel]]\nname = "a"\nkind = "email"\n', "address_file"),
        ('[[channel]]\nname = "a"\nkind = "log"\n' * 2, "a, a"),
        ("#" * 70_000, "65536"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path, text, why):
    with pytest.raises(ChannelsFileError) as told:
        read_channels(written(tmp_path, text))
    assert why in str(told.value)
    assert told.value.remedy


def test_a_secret_that_others_may_read_is_refused(tmp_path):
    secret = tmp_path / "secret"
    settings = ChannelSettings(
        name="h", kind="webhook", url="http://127.0.0.1/", secret_file=str(secret)
    )
    with pytest.raises(ChannelsFileError, match="cannot be read"):
        open_channel(settings)
    secret.write_text("s")
    secret.chmod(0o640)
    with pytest.raises(ChannelsFileError, match="0640"):
        open_channel(settings)
    secret.write_text("\n")
    secret.chmod(0o600)
    with pytest.raises(ChannelsFileError, match="empty"):
        open_channel(settings)
