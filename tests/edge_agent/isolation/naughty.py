"""A third party's driver that is installed by its entry point and misbehaves on request."""

from pathlib import Path

METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: naughty\nVersion: 1.0\n",
    "entry_points.txt": "[clockline.drivers]\nnaughty = naughty_driver:Naughty\n",
}

MODULE = """
import os, signal, time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pydantic import BaseModel, SecretStr
from protocols.records import Punch


class Config(BaseModel):
    mischief: str = "none"
    rows: int = 3
    pin: SecretStr | None = None
    flag: str = ""  # once this file exists, it behaves


class NaughtyError(Exception):
    what, remedy, code = "the lamp is red", "Push the button", "red_lamp"

    def __init__(self, blocked):
        super().__init__("red")
        self.blocked = blocked


@dataclass
class Manifest:
    kind: str = "naughty"
    title: str = "Naughty"
    makes: tuple = ("Naughty",)
    mode: str = "asked"
    capabilities: tuple = ("count", "live")
    simulator: str = "none"
    config: type = Config


@dataclass
class Identity:
    serial: str
    facts: dict = field(default_factory=dict)


@dataclass
class LogCount:
    records: int


@dataclass(kw_only=True)
class Page:
    serial: str
    records: list = field(default_factory=list)
    cursor: bytes | None = None
    last: bool = True
    on_device: int | None = None


class Naughty:
    manifest = Manifest()

    def __init__(self, config, context):
        self.config = config
        self.acknowledged = 0

    async def identity(self):
        pin = self.config.pin
        return Identity("N1", {"pid": str(os.getpid()), "zone": "", "pin": pin.get_secret_value() if pin else ""})

    async def count(self):
        return LogCount(self.acknowledged)

    async def fetch(self, cursor):
        if not (self.config.flag and os.path.exists(self.config.flag)):
            self.misbehave()
        begin = int(cursor or b"0")
        if self.config.mischief == "big":
            yield Page(serial="N1", cursor=bytes(40 << 20))
        for row in range(begin, self.config.rows):
            when = datetime(2026, 11, 22, 8) + timedelta(seconds=row)
            punch = Punch(serial="N1", user_id="7", device_time=when, state=0, verify=1, raw=b"x")
            yield Page(serial="N1", records=[punch], cursor=str(row + 1).encode(),
                       last=row + 1 == self.config.rows, on_device=self.config.rows)

    def misbehave(self):
        match self.config.mischief:
            case "sleep":
                time.sleep(3600)
            case "loop":
                while True:
                    pass
            case "memory":
                hog = []
                while True:
                    hog.append(bytearray(1 << 24))
            case "exit":
                os._exit(3)
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "chatter":
                for number in range(10_000):
                    print("chatter", number, flush=True)
            case "bug":
                raise ValueError("one and one is three")
            case "blocked":
                raise NaughtyError(True)
            case "down":
                raise NaughtyError(False)

    async def live(self):
        import asyncio
        await asyncio.sleep(3600)
        yield

    async def acknowledge(self, page):
        self.acknowledged += 1

    async def aclose(self):
        print("goodbye", flush=True)
"""


def install(folder: Path) -> None:
    """Into `folder`, which goes on the path."""
    (folder / "naughty_driver.py").write_text(MODULE)
    info = folder / "naughty-1.0.dist-info"
    info.mkdir()
    for name, text in METADATA.items():
        (info / name).write_text(text)
