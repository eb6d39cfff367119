"""Who this gateway is to its core: its key, who else can read it, and what the core says to it."""

import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes

from edge_agent.config.models import SiteConfig, UplinkSection
from edge_agent.doctor.findings import Code, Finding, bad, good, warn
from edge_agent.enrolment.core_client import CoreClient
from edge_agent.enrolment.identity import IdentityError, identity_folder, load_identity
from edge_agent.enrolment.trust import open_tls
from edge_agent.errors import CommandError
from protocols.enrolment import (
    NONCE_BYTES,
    STATUS_PATH,
    KeyReport,
    KeyStatus,
    ask_status,
)
from protocols.key_text import fingerprint
from sync.errors import CoreRefusedError, UplinkError
from sync.identity import GatewayIdentity
from sync.tls import CertificateError, certificate_end

_ANSWER_S = 5.0
_EXPOSING = stat.S_IRWXG | stat.S_IRWXO
CERTIFICATE_WARNING = timedelta(days=21)  # a person has to be found who renews it
_FAR_OFF = timedelta(minutes=5)


def check_identity(site: SiteConfig, now: datetime) -> Iterator[Finding]:
    """Without [uplink] no identity is needed; what lies here is looked at all the same."""
    yield check_private(site)
    if site.uplink is None:
        return
    try:
        identity = load_identity(site)
    except IdentityError as error:
        code = Code.NOT_ENROLLED if error.code == "not_enrolled" else Code.IDENTITY_UNUSABLE
        yield bad(code, error.where, f"{error.what}; records are kept here", error.remedy)
        return
    yield good(
        Code.NOT_ENROLLED,
        str(identity_folder(site)),
        f"gateway {identity.gateway} signs with key {fingerprint(identity.key.public)}",
    )
    yield from _check_core(site, site.uplink, identity, now)


def check_private(site: SiteConfig) -> Finding:
    """Punches and the key are for the agent's user alone."""
    state_dir = site.gateway.state_dir
    exposed = [] if _is_closed(state_dir) else [path for path in _private(site) if _is_open(path)]
    if exposed:
        return bad(
            Code.EXPOSED,
            str(state_dir),
            f"other users of this machine can reach {', '.join(path.name for path in exposed)}: "
            "punches and keys are for the agent's user alone",
            f"chmod -R go= {state_dir}",
        )
    return good(Code.EXPOSED, str(state_dir), "only the agent's user can read it")


def _private(site: SiteConfig) -> Iterator[Path]:
    spool, folder = site.spool_path, identity_folder(site)
    yield from spool.parent.glob(f"{spool.name}*")
    if folder.is_dir() and _is_open(folder):
        yield folder
        yield from folder.iterdir()


def _is_closed(folder: Path) -> bool:
    try:
        return not folder.stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH)
    except OSError:
        return True


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _EXPOSING)
    except OSError:
        return False


def _check_core(
    site: SiteConfig, uplink: UplinkSection, identity: GatewayIdentity, now: datetime
) -> Iterator[Finding]:
    """Silent about a core that cannot be reached: `check_answer` says that, and `check_broker`."""
    if uplink.over_mqtt:
        return
    try:
        tls = open_tls(site)
        if uplink.url.startswith("https://"):
            yield _check_certificate(uplink.url, certificate_end(uplink.url, tls), now)
        client = CoreClient(uplink.url, identity.core_public, tls=tls, timeout_s=_ANSWER_S)
        query = ask_status(
            identity.gateway,
            identity.key,
            identity.core_public,
            nonce=token_bytes(NONCE_BYTES),
        )
        report = client.ask(STATUS_PATH, query, KeyReport)
        if report.nonce != query.nonce:
            raise client.wrong_core()
    except CommandError as error:
        yield bad(Code.CERTIFICATE, error.where, error.what, error.remedy)
    except CertificateError:
        return
    except CoreRefusedError as error:
        yield bad(Code.KEY_REFUSED, error.where, error.what, error.remedy)
    except UplinkError:
        return
    else:
        yield _judge(uplink.url, report, now)


def _judge(where: str, report: KeyReport, now: datetime) -> Finding:
    name = report.gateway
    if report.status is KeyStatus.UNKNOWN:
        return bad(
            Code.KEY_REFUSED,
            where,
            f"this core does not know the key of gateway {name}; records are kept here",
            f"Check uplink.url; else enrol: hr-core token {name} on the core",
        )
    if report.status is KeyStatus.REVOKED:
        return bad(
            Code.KEY_REFUSED,
            where,
            f"the core refuses this gateway's key since {report.refused_from:%Y-%m-%d %H:%M} UTC "
            "(key_revoked); records are kept here",
            f"On the core: hr-core token {name} --again, then edge-agent enroll --force here",
        )
    if report.refused_from is not None:
        return warn(
            Code.KEY_REFUSED,
            where,
            f"the core will refuse this gateway's key from {report.refused_from:%Y-%m-%d %H:%M} UTC",
            f"Ask who ordered it; to go on: hr-core token {name} --again",
        )
    off = abs(report.now - now)
    if off > _FAR_OFF:
        return warn(
            Code.CLOCK_OFF,
            where,
            f"the core's clock and this gateway's differ by {off.total_seconds() / 60:.0f} minutes",
            "timedatectl set-ntp true, here and on the core",
        )
    return good(Code.KEY_REFUSED, where, "accepts this gateway's key")


def _check_certificate(url: str, end: datetime, now: datetime) -> Finding:
    if end - now < CERTIFICATE_WARNING:
        return warn(
            Code.CERTIFICATE,
            url,
            f"its certificate ends on {end:%Y-%m-%d}",
            "Renew it on the core's proxy; after that day no batch is delivered",
        )
    return good(Code.CERTIFICATE, url, f"its certificate is trusted and good until {end:%Y-%m-%d}")
