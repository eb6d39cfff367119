"""The [[export]] tables of a site file: other systems that get the punches beside the core."""

import stat
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from edge_agent.config.problems import WrongValueError
from edge_agent.config.section import Name, Section, known_zone
from sync.addresses import is_loopback

CORE_SINK = "core"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

# Names of exports stand in file names and headers.
ExportName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$", max_length=32)
]
Told = Literal["in", "out", "none", "skip"]
Letters = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=64)]


class DirectionSection(Section):
    """What the other system is told for each direction of a punch."""

    in_: Told = Field(default="in", alias="in", description="Came")
    out: Told = Field(default="out", description="Left")
    break_out: Told = Field(default="out", description="Left for a break")
    break_in: Told = Field(default="in", description="Came back from a break")
    overtime_in: Told = Field(default="in", description="Came for overtime")
    overtime_out: Told = Field(default="out", description="Left after overtime")
    unknown: Told = Field(
        default="none", description="The terminal asks for no direction (state 255)"
    )


OdooTold = Literal["in", "out", "toggle", "none", "skip"]


class OdooDirectionSection(Section):
    """As elsewhere; Odoo needs in or out, so `none` ends in the dead letters. `toggle` closes the
    open attendance or else opens one.
    """

    in_: OdooTold = Field(default="in", alias="in", description="Came")
    out: OdooTold = Field(default="out", description="Left")
    break_out: OdooTold = Field(default="out", description="Left for a break")
    break_in: OdooTold = Field(default="in", description="Came back from a break")
    overtime_in: OdooTold = Field(default="in", description="Came for overtime")
    overtime_out: OdooTold = Field(default="out", description="Left after overtime")
    unknown: OdooTold = Field(
        default="none", description="The terminal asks for no direction (state 255)"
    )


class ExportSection(Section):
    """What every export has."""

    kind: str
    name: ExportName = Field(description="The export, and the name of its sink in the spool")
    start: Literal["now", "all"] = Field(
        description="Where a new export begins: behind what the spool holds, or before it"
    )
    devices: tuple[Name, ...] = Field(
        default=(), description="Names of the [[device]] tables whose records it gets; empty: all"
    )
    hold_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="How long records are held for it while it does not take them",
    )
    batch_records: int = Field(default=500, ge=1, le=5_000, description="Records at a time")
    timeout_s: float = Field(default=30.0, gt=0, le=300, description="Of one request or upload")

    # Paths of files that hold a secret: they are the agent's user's alone.
    secret_keys: ClassVar[tuple[str, ...]] = ()
    # Paths of other files that must be there.
    file_keys: ClassVar[tuple[str, ...]] = ()
    # Paths of folders, relative to the site file like the others.
    folder_keys: ClassVar[tuple[str, ...]] = ()

    @field_validator("name")
    @classmethod
    def _not_the_core(cls, name: str) -> str:
        if name == CORE_SINK:
            raise WrongValueError(
                f'"{name}" is the sink of [uplink]', remedy="Give the export another name"
            )
        return name

    def secret(self, key: str) -> str:
        """What the secret file says, without the line end that editors add. Raises OSError."""
        path: Path = getattr(self, key)
        return path.read_text(encoding="utf-8").strip()


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise WrongValueError(
            f'"{url}" is not a web address', remedy='Write it like "https://hr.example.com"'
        )
    if parts.username or parts.password:
        raise WrongValueError(
            "the address holds a password", remedy="Take it out; secrets stand in files"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise WrongValueError(
            f'"{url}" would send punches and credentials in clear text',
            remedy="Write it with https://; http:// is for this machine only",
        )
    return url


class WebhookExport(ExportSection):
    """Signed JSON to any web address."""

    kind: Literal["webhook"]
    url: str = Field(description="Where batches are posted to")
    secret_file: Path = Field(description="File with the shared secret of the signature, mode 0600")
    records: tuple[Literal["punch", "count", "device_event"], ...] = Field(
        default=("punch",), min_length=1, description="Kinds of records"
    )
    with_card: bool = Field(default=False, description="Send card numbers too")
    with_raw: bool = Field(default=False, description="Send the device's bytes too")
    direction: DirectionSection = Field(default=DirectionSection(), description="Directions")

    secret_keys: ClassVar[tuple[str, ...]] = ("secret_file",)
    _url = field_validator("url")(_web_address)


class FrappeExport(ExportSection):
    """Frappe HR or ERPNext: Employee Checkins."""

    kind: Literal["frappe"]
    url: str = Field(description="The Frappe site, https://…")
    key_file: Path = Field(description="File with API_KEY:API_SECRET of a Frappe user, mode 0600")
    app: Literal["hrms", "erpnext"] = Field(
        default="hrms", description="hrms: Frappe HR; erpnext: ERPNext 13 and older"
    )
    employee_field: Letters = Field(
        default="attendance_device_id",
        description="Field of Employee that holds the user id of the terminals",
    )
    unknown_employee: Literal["keep", "reject"] = Field(
        default="keep", description="Ask again for hold_days, or put into the dead letters"
    )
    device_id: Literal["name", "serial"] = Field(
        default="name", description="What stands in device_id of a check-in"
    )
    zone: str | None = Field(
        default=None, description="Zone of the Frappe site, if other than the devices'"
    )
    concurrency: int = Field(default=4, ge=1, le=16, description="Calls at a time")
    skip_auto_attendance: bool = Field(default=False, description="Set that mark of the check-ins")
    send_wrong_times: bool = Field(
        default=False, description="Send punches of a device whose clock was certainly wrong"
    )
    batch_records: int = Field(default=100, ge=1, le=1_000, description="Punches at a time")
    direction: DirectionSection = Field(default=DirectionSection(), description="Directions")

    secret_keys: ClassVar[tuple[str, ...]] = ("key_file",)
    _url = field_validator("url")(_web_address)

    @field_validator("zone")
    @classmethod
    def _zone(cls, zone: str | None) -> str | None:
        return None if zone is None else known_zone(zone)


class OdooExport(ExportSection):
    """Odoo Attendances."""

    kind: Literal["odoo"]
    url: str = Field(description="The Odoo server, https://…")
    database: str = Field(min_length=1, description="Name of its database")
    user: str = Field(min_length=1, description="Login of the Odoo user")
    key_file: Path = Field(description="File with an API key of that user, mode 0600")
    match: Literal["barcode", "pin"] = Field(
        default="barcode",
        description="Field of hr.employee that holds the user id of the terminals",
    )
    unknown_employee: Literal["keep", "reject"] = Field(
        default="keep", description="Ask again for hold_days, or put into the dead letters"
    )
    longest_shift_h: float = Field(
        default=16.0, gt=0, le=48, description="A later check-out does not close a check-in"
    )
    patience_h: float = Field(
        default=24.0,
        ge=0,
        le=720,
        description="How long a punch that does not fit waits for those still on their way",
    )
    send_wrong_times: bool = Field(
        default=False, description="Send punches of a device whose clock was certainly wrong"
    )
    batch_records: int = Field(default=100, ge=1, le=1_000, description="Punches at a time")
    direction: OdooDirectionSection = Field(
        default=OdooDirectionSection(), description="Directions"
    )

    secret_keys: ClassVar[tuple[str, ...]] = ("key_file",)
    _url = field_validator("url")(_web_address)


class FileExportSection(ExportSection):
    """What exports to files share."""

    encoding: Literal["utf-8", "utf-8-sig", "gbk"] = Field(
        default="utf-8-sig", description="utf-8-sig begins with the mark by which Excel knows it"
    )
    delimiter: Literal[",", ";", "\t", "|"] = Field(default=",", description="Between fields")
    every_s: float = Field(
        default=300.0, ge=1, le=86_400, description="Least time between two files"
    )
    batch_records: int = Field(default=5_000, ge=1, le=5_000, description="Rows of a file at most")
    with_card: bool = Field(default=False, description="A column with card numbers")
    with_raw: bool = Field(default=False, description="A column with the device's bytes")
    direction: DirectionSection = Field(default=DirectionSection(), description="Directions")


class CsvExport(FileExportSection):
    """CSV files into a folder of this machine."""

    kind: Literal["csv"]
    folder: Path = Field(description="Where files appear; relative to the site file")

    folder_keys: ClassVar[tuple[str, ...]] = ("folder",)


class SftpExport(FileExportSection):
    """The same CSV files onto an SFTP server."""

    kind: Literal["sftp"]
    host: str = Field(min_length=1, description="The server")
    port: int = Field(default=22, ge=1, le=65_535, description="Its port")
    user: str = Field(min_length=1, description="The user over there")
    folder: str = Field(min_length=1, description="The folder over there")
    key_file: Path | None = Field(default=None, description="Private key, mode 0600")
    password_file: Path | None = Field(
        default=None, description="File with the password instead, mode 0600"
    )
    known_hosts: Path | None = Field(
        default=None, description="File with the server's host key (ssh-keyscan, then compare)"
    )
    check_host_key: bool = Field(
        default=True, description="false: anybody in between can read what is sent"
    )

    secret_keys: ClassVar[tuple[str, ...]] = ("key_file", "password_file")
    file_keys: ClassVar[tuple[str, ...]] = ("known_hosts",)

    @model_validator(mode="after")
    def _whole(self) -> "SftpExport":
        if (self.key_file is None) == (self.password_file is None):
            raise WrongValueError(
                "needs either key_file or password_file", remedy="Write one of the two"
            )
        if self.check_host_key and self.known_hosts is None:
            raise WrongValueError(
                "the server cannot be told from an impostor",
                remedy='Write known_hosts = "…", a file with its line of ssh-keyscan',
            )
        return self


AnyExport = WebhookExport | FrappeExport | OdooExport | CsvExport | SftpExport

EXPORT_KINDS: dict[str, type[AnyExport]] = {
    "webhook": WebhookExport,
    "frappe": FrappeExport,
    "odoo": OdooExport,
    "csv": CsvExport,
    "sftp": SftpExport,
}


def secret_problem(path: Path) -> tuple[str, str] | None:
    """What is wrong with a file that holds a secret, and the remedy; None when nothing is."""
    put = "Put the secret into it for the agent's user, mode 0600"
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        return f"{path} cannot be read ({exc.strerror})", put
    except UnicodeDecodeError:
        return f"{path} is not UTF-8 text", put
    if not text.strip():
        return f"{path} is empty", put
    if mode & _OTHERS:
        return f"{path} is open to other users of this machine", f"chmod 0600 {path}"
    return None
