"""The site file's own tables. What stands in a [[device]] is the driver's business."""

from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from drivers.contract import DeviceConfig
from edge_agent.config.broker import SCHEMES, BrokerSection, checked_broker_url
from edge_agent.config.exports import AnyExport
from edge_agent.config.places import DEFAULT_STATE_DIR, SNAPSHOT_NAME, SPOOL_NAME
from edge_agent.config.problems import WrongValueError
from edge_agent.config.section import Name, Section, known_zone
from protocols.uplink import MAX_RECORDS_PER_BATCH
from sync.addresses import is_loopback

# A device is to be found within a minute; a driver that looks slower than this caps itself lower.
MAX_PROBED_ADDRESSES = 1_024


def checked_core_url(url: str) -> str:
    """`url` when records may travel there. Raises WrongValueError."""
    scheme, separator, rest = url.partition("://")
    if not (scheme in {"http", "https"} and separator and rest.strip("/")):
        raise WrongValueError(
            f'"{url}" is not a web address', remedy='Write it like "https://core.example.com"'
        )
    if scheme == "http" and not is_loopback(urlsplit(url).hostname or ""):
        raise WrongValueError(
            f'"{url}" would send punches in clear text',
            remedy="Write it with https://; http:// is for this machine only",
        )
    return url


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


class SpoolSection(Section):
    """How long records stay on this gateway, and how much room they may take (docs/spool.md).

    Days count from the answer of every sink; what was not sent is never deleted.
    """

    keep_acked_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="Days that punches stay after the core has them: it may be restored from a "
        "backup that old",
    )
    keep_event_days: int = Field(
        default=30, ge=1, le=3_650, description="The same for what devices say about themselves"
    )
    keep_count_days: int = Field(
        default=7, ge=1, le=3_650, description="The same for readings of counters"
    )
    keep_quarantine_days: int = Field(
        default=365, ge=1, le=3_650, description="Days that rows stay which could not be decoded"
    )
    max_bytes: int | None = Field(
        default=None,
        ge=1024 * 1024,
        description="Room for the spool (default: half of what the disk has free, 64 MiB to 8 GiB)",
    )


class UplinkSection(Section):
    """The core that the gateway feeds. Without this table the gateway only collects."""

    url: str = Field(
        description="Address of the core, https://…, or of the MQTT broker at which it listens, "
        "mqtts://… (http:// and mqtt:// only on this machine)"
    )
    timeout_s: float = Field(default=30.0, gt=0, le=300, description="Of one request")
    batch_records: int = Field(
        default=1_000, ge=1, le=MAX_RECORDS_PER_BATCH, description="Records sent at a time"
    )

    ca_file: Path | None = Field(
        default=None, description="Trust the CA in this PEM file and no other (a private CA)"
    )
    client_cert: Path | None = Field(
        default=None,
        description="Client certificate (PEM), for a broker, or a proxy before the core, that asks",
    )
    client_key: Path | None = Field(
        default=None, description="Its key, when client_cert does not hold it as well"
    )

    broker: BrokerSection | None = Field(default=None, description="Password for the MQTT broker")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        scheme = url.partition("://")[0]
        return checked_broker_url(url) if scheme in SCHEMES else checked_core_url(url)

    @property
    def over_mqtt(self) -> bool:
        return self.url.partition("://")[0] in SCHEMES

    @property
    def web_url(self) -> str | None:
        """None behind a broker: what is asked of the core over HTTP alone finds nobody there."""
        return None if self.over_mqtt else self.url

    @model_validator(mode="after")
    def _broker_has_an_address(self) -> "UplinkSection":
        if self.broker is not None and not self.over_mqtt:
            raise WrongValueError(
                "[uplink.broker] goes with an address of a broker",
                remedy='Write url = "mqtts://…", or take [uplink.broker] out',
            )
        return self

    @model_validator(mode="after")
    def _whole_client_certificate(self) -> "UplinkSection":
        if self.client_key is not None and self.client_cert is None:
            raise WrongValueError(
                "client_key is set without client_cert", remedy="Add client_cert = … beside it"
            )
        return self


class SiteDevice(Section):
    """One [[device]]: the driver's own config, and the zone of the device's wall clock."""

    config: SerializeAsAny[DeviceConfig]
    zone: str


class SiteConfig(Section):
    """A whole, valid site file. Paths are absolute."""

    path: Path
    site: SiteSection
    gateway: GatewaySection
    spool: SpoolSection = SpoolSection()
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
