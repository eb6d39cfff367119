"""The site file's own tables. What stands in a [[device]] is the driver's business."""

from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, SerializeAsAny, field_validator, model_validator

from drivers.contract import DeviceConfig
from edge_agent.config.broker import SCHEMES, BrokerSection, check_address
from edge_agent.config.exports import AnyExport
from edge_agent.config.places import DEFAULT_STATE_DIR, SNAPSHOT_NAME, SPOOL_NAME
from edge_agent.config.problems import WrongValueError
from edge_agent.config.section import Name, Section, known_zone
from protocols.uplink import MAX_RECORDS_PER_BATCH
from sync.addresses import is_loopback

# A device is to be found within a minute; a driver that looks slower than this caps itself lower.
MAX_PROBED_ADDRESSES = 1_024


class SiteSection(Section):
    """The place where the devices stand."""

    name: Name = Field(description="The site, as the core knows it")
    zone: str = Field(
        description="IANA zone of the site's wall clocks. Never taken from the gateway's own "
        "setting: a gateway set to UTC would move every punch by hours"
    )

    networks: tuple[str, ...] = Field(
        default=(),
        description="Networks of the devices, like 10.0.3.0/24: a device that got a new address "
        "is looked for there by its serial",
    )

    _zone = field_validator("zone")(known_zone)

    @field_validator("networks")
    @classmethod
    def _few_addresses(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        try:
            addresses = sum(ip_network(network, strict=False).num_addresses for network in networks)
        except ValueError as exc:
            raise WrongValueError(str(exc), remedy="Write networks like 10.0.3.0/24") from exc
        if addresses > MAX_PROBED_ADDRESSES:
            raise WrongValueError(
                f"these networks hold {addresses} addresses, at most {MAX_PROBED_ADDRESSES} are "
                "looked at",
                remedy="Name the part in which the devices are",
            )
        return networks


class GatewaySection(Section):
    """The machine beside the devices."""

    name: Name = Field(description="The gateway, unique in the core: it names its batches")
    state_dir: Path = Field(
        default=DEFAULT_STATE_DIR,
        description="Where the spool lives. Relative to the site file. Survives a reinstall",
    )
    runtime_dir: Path | None = Field(
        default=None,
        description="Where status.json is written (default $RUNTIME_DIRECTORY, else state_dir)",
    )


class UplinkSection(Section):
    """The core that the gateway feeds. Without this table the gateway only collects."""

    url: str = Field(
        description="Address of the core, https://…, or of the MQTT broker at which it listens, "
        "mqtts://… (http:// and mqtt:// only on this machine)"
    )
    token_file: Path | None = Field(
        default=None, description="File that holds the access token, readable by the agent alone"
    )
    token: SecretStr | None = Field(
        default=None, description="The access token itself; prefer token_file"
    )
    timeout_s: float = Field(default=30.0, gt=0, le=300, description="Of one request")
    batch_records: int = Field(
        default=1_000, ge=1, le=MAX_RECORDS_PER_BATCH, description="Records sent at a time"
    )

    broker: BrokerSection | None = Field(
        default=None, description="Password or certificate for the MQTT broker"
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        if scheme in SCHEMES:
            check_address(url)
            return url
        if not (scheme in {"http", "https"} and separator and rest.strip("/")):
            raise WrongValueError(
                f'"{url}" is not a web address', remedy='Write it like "https://core.example.com"'
            )
        if scheme == "http" and not is_loopback(urlsplit(url).hostname or ""):
            raise WrongValueError(
                f'"{url}" would send punches and the token in clear text',
                remedy="Write it with https://; http:// is for this machine only",
            )
        return url

    @property
    def over_mqtt(self) -> bool:
        return self.url.partition("://")[0] in SCHEMES

    @model_validator(mode="after")
    def _broker_has_an_address(self) -> "UplinkSection":
        if self.broker is not None and not self.over_mqtt:
            raise WrongValueError(
                "[uplink.broker] goes with an address of a broker",
                remedy='Write url = "mqtts://…", or take [uplink.broker] out',
            )
        return self

    @model_validator(mode="after")
    def _one_token(self) -> "UplinkSection":
        if self.token is not None and self.token_file is not None:
            raise WrongValueError(
                "both token and token_file are set", remedy="Keep token_file, delete token"
            )
        return self

    def read_token(self) -> str | None:
        """The token, without the line end that editors add. None: the core asks for none.

        Raises OSError when the file cannot be read.
        """
        if self.token_file is not None:
            return self.token_file.read_text(encoding="utf-8").strip()
        return self.token.get_secret_value() if self.token is not None else None


class SiteDevice(Section):
    """One [[device]]: the driver's own config, and the zone of the device's wall clock."""

    config: SerializeAsAny[DeviceConfig]
    zone: str


class SiteConfig(Section):
    """A whole, valid site file. Paths are absolute."""

    path: Path
    site: SiteSection
    gateway: GatewaySection
    uplink: UplinkSection | None
    devices: tuple[SiteDevice, ...]
    exports: tuple[AnyExport, ...] = ()

    @property
    def spool_path(self) -> Path:
        return self.gateway.state_dir / SPOOL_NAME

    @property
    def runtime_dir(self) -> Path:
        return self.gateway.runtime_dir or self.gateway.state_dir

    @property
    def snapshot_path(self) -> Path:
        """Where the agent writes what it is doing, for `status`."""
        return self.runtime_dir / SNAPSHOT_NAME

    def device(self, name: str) -> SiteDevice | None:
        return next((device for device in self.devices if device.config.name == name), None)

    def export(self, name: str) -> AnyExport | None:
        return next((export for export in self.exports if export.name == name), None)
