"""What differs between two site files, and what of it a running agent can take up."""

from collections.abc import Iterator

from msgspec import Struct

from edge_agent.config.fingerprint import UPLINK, Digests, Fingerprint, part_of
from edge_agent.config.models import SiteConfig

# What a reload takes up. Of all else a restart is asked for, so that nothing is silently ignored:
# the spool is open and locked, and the batches in flight carry the names of gateway and site.
_RESTARTABLE = (UPLINK, "exports", "spool")
_LIVE_SITE_KEYS = ("zone", "networks")  # a zone changes the devices that have none of their own


class Changed(Struct, frozen=True, kw_only=True):
    """A device or a section, and the `keys` of its table that differ."""

    name: str
    keys: tuple[str, ...]


class SiteChanges(Struct, frozen=True, kw_only=True):
    """From the site that runs to the one that is wanted.

    devices        added, removed and unchanged by name, changed with their keys
    parts          uplink, care of the spool, exports: started, stopped or started anew
    networks       moved devices are looked for elsewhere
    needs_restart  what a reload leaves as it is, like `gateway.name`
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    unchanged: tuple[str, ...] = ()
    parts: tuple[Changed, ...] = ()
    networks: bool = False
    needs_restart: tuple[str, ...] = ()

    def sentences(self) -> Iterator[str]:
        """One for each thing that a reload does, or cannot do. None: nothing differs."""
        for name in self.added:
            yield f"device {name}: is started"
        for name in self.removed:
            yield f"device {name}: is stopped; what was read of it stays"
        for device in self.changed:
            yield f"device {device.name}: is restarted ({_listed(device)})"
        if self.networks:
            yield "site.networks: devices that moved are looked for there from now on"
        for part in self.parts:
            yield f"{part.name}: is started, stopped or started anew ({_listed(part)})"
        for key in self.needs_restart:
            yield f"{key}: stays as it is until the agent is restarted"


def compare(running: Fingerprint, wanted: Fingerprint) -> SiteChanges:
    """Both with the same salt."""
    devices = [
        Changed(name=name, keys=_differing(running.devices[name], digests))
        for name, digests in wanted.devices.items()
        if name in running.devices
    ]
    sections = {
        name: _differing(running.sections.get(name, {}), wanted.sections.get(name, {}))
        for name in {**running.sections, **wanted.sections}
    }
    site_keys = sections.get("site", ())
    if "zone" in site_keys and UPLINK in wanted.sections:  # of what the gateway itself says
        sections[UPLINK] = (*sections.get(UPLINK, ()), "site.zone")
    return SiteChanges(
        added=tuple(name for name in wanted.devices if name not in running.devices),
        removed=tuple(name for name in running.devices if name not in wanted.devices),
        changed=tuple(device for device in devices if device.keys),
        unchanged=tuple(device.name for device in devices if not device.keys),
        parts=tuple(
            Changed(name=name, keys=keys)
            for name, keys in sections.items()
            if keys and _restartable(name)
        ),
        networks="networks" in site_keys,
        needs_restart=tuple(
            f"{name}.{key}".rstrip(".")
            for name, keys in sections.items()
            for key in keys
            if not _restartable(name) and not (name == "site" and key in _LIVE_SITE_KEYS)
        ),
    )


def as_far_as_possible(running: SiteConfig, wanted: SiteConfig) -> SiteConfig:
    """`wanted`, but for what needs a restart."""
    kept = {
        name: getattr(running, name)
        for name in SiteConfig.model_fields
        if name not in {"path", "site", "devices", *_RESTARTABLE}
    }
    live = {key: getattr(wanted.site, key) for key in _LIVE_SITE_KEYS}
    return wanted.model_copy(update={**kept, "site": running.site.model_copy(update=live)})


def _restartable(section: str) -> bool:
    return section in _RESTARTABLE or section.startswith(part_of(""))


def _listed(changed: Changed) -> str:
    return f"{', '.join(changed.keys)} changed"


def _differing(one: Digests, other: Digests) -> tuple[str, ...]:
    return tuple(key for key in {**one, **other} if one.get(key) != other.get(key))
