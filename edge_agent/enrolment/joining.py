"""Joining a core and renewing the key, so that a crash at any step leaves a working identity.

A new key is on the disk before the core hears of it, and stays there as `pending.json` until the
identity is. The same command after a crash finds it and asks the core the same question again, which
the core answers the same way. Until the identity is replaced, in one rename, the one before counts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from edge_agent.config.models import SiteConfig, checked_core_url
from edge_agent.config.problems import WrongValueError
from edge_agent.enrolment.core_client import CoreClient
from edge_agent.enrolment.identity import (
    CREDENTIALS,
    StoredIdentity,
    credential_key,
    identity_folder,
    identity_path,
    read_identity,
    require_identity,
    signing_key,
)
from edge_agent.enrolment.private_files import locked_folder, remove, write_private
from edge_agent.enrolment.trust import open_tls
from edge_agent.errors import CommandError
from protocols.enrolment import (
    ENROLMENTS_PATH,
    ROTATION_PATH,
    EnrolmentAnswer,
    RotationAnswer,
    WrongCoreError,
    ask_to_enrol,
    ask_to_rotate,
    check_answers,
)
from protocols.enrolment_token import EnrolmentToken
from protocols.key_text import fingerprint
from protocols.signing import SEED_BYTES, SigningKey
from sync.errors import CoreRefusedError

PENDING_NAME = "pending.json"
_TIMEOUT_S = 30.0
# The core has judged: it does not hold this key, or never will again.
_FINAL_CODES = frozenset(
    {
        "token_unknown",
        "token_other_gateway",
        "token_used",
        "token_replaced",
        "token_expired",
        "key_taken",
        "key_revoked",
        "key_rotated",
    }
)

Entropy = Callable[[int], bytes]


class EnrolError(CommandError):
    """Enrolment cannot go on as asked; `code` is a stable word."""

    def __init__(self, what: str, *, where: str, remedy: str, code: str, try_command: str) -> None:
        super().__init__(what, where=where, remedy=remedy, try_command=try_command)
        self.code = code


class _Pending(Struct, frozen=True, kw_only=True):
    """A key on its way to the core. `for_public`: the token's key, or the one that it replaces."""

    gateway: str
    for_public: str
    private_key: str


def enrol(
    site: SiteConfig, token: EnrolmentToken, *, url: str | None, force: bool, entropy: Entropy
) -> StoredIdentity:
    """Joins the core that issued `token`. Raises CommandError, UplinkError.

    `force` replaces an identity that is there; it stays in use until the core has agreed.
    """
    if token.gateway != site.gateway.name:
        raise EnrolError(
            f"the token was issued to gateway {token.gateway}, the site file says "
            f"{site.gateway.name}",
            where=str(site.path),
            remedy=f"Correct [gateway] name, or have a token issued: hr-core token "
            f"{site.gateway.name}",
            code="token_other_gateway",
            try_command=f"edge-agent config check -c {site.path}",
        )
    core_url = _core_url(site, token, url)
    client = CoreClient(core_url, token.core_public, tls=open_tls(site), timeout_s=_TIMEOUT_S)
    with _folder(site) as folder:
        if not force:
            _refuse_second_identity(site)
        held_by_systemd = credential_key(site, CREDENTIALS[0])
        key = held_by_systemd or _pending_key(folder, token.gateway, token.key().public, entropy)
        request = ask_to_enrol(token, key)
        answer = _ask(folder, lambda: client.ask(ENROLMENTS_PATH, request, EnrolmentAnswer))
        _check(client, answer, token.gateway, key)
        identity = StoredIdentity(
            gateway=answer.gateway,
            site=answer.site,
            core_url=core_url,
            core_public=token.core_public.hex(),
            public_key=key.public.hex(),
            private_key=None if held_by_systemd else key.seed.hex(),
            enrolled_at=answer.valid_from,
        )
        _keep(site, folder, identity)
    return identity


def rotate(site: SiteConfig, *, entropy: Entropy) -> StoredIdentity:
    """A new key, vouched for by the one in use; the core refuses that one from `retired` on.

    Raises CommandError, UplinkError.
    """
    with _folder(site) as folder:
        stored = require_identity(site)
        old = signing_key(site, stored)
        core_public = bytes.fromhex(stored.core_public)
        url = _web_url(site) or stored.core_url
        client = CoreClient(url, core_public, tls=open_tls(site), timeout_s=_TIMEOUT_S)
        if stored.private_key is None:
            new = _spare_credential(site, old)
        else:
            _refuse_interrupted_enrolment(site, folder, old)
            new = _pending_key(folder, stored.gateway, old.public, entropy)
        request = ask_to_rotate(stored.gateway, old, new, core_public)
        answer = _ask(folder, lambda: client.ask(ROTATION_PATH, request, RotationAnswer))
        _check(client, answer, stored.gateway, new)
        identity = msgspec.structs.replace(
            stored,
            core_url=url,
            public_key=new.public.hex(),
            private_key=None if stored.private_key is None else new.seed.hex(),
            enrolled_at=answer.valid_from,
            retired=(old.public.hex(), answer.old_refused_from),
        )
        _keep(site, folder, identity)
    return identity


def _web_url(site: SiteConfig) -> str | None:
    return site.uplink.web_url if site.uplink is not None else None


def _core_url(site: SiteConfig, token: EnrolmentToken, url: str | None) -> str:
    chosen = url or _web_url(site) or token.url
    if chosen is None:
        raise EnrolError(
            "neither the site file nor the token names the core's address",
            where=str(site.path),
            remedy='Add [uplink] with url = "https://…" to the site file, or give --url',
            code="no_address",
            try_command="edge-agent enroll --help",
        )
    try:
        return checked_core_url(chosen)
    except WrongValueError as exc:
        raise EnrolError(
            exc.what,
            where="address of the core",
            remedy=exc.remedy,
            code="plain_http",
            try_command="edge-agent enroll --help",
        ) from exc


@contextmanager
def _folder(site: SiteConfig) -> Iterator[Path]:
    """The identity folder, this process alone in it. Raises EnrolError when the disk refuses."""
    folder = identity_folder(site)
    try:
        with locked_folder(folder):
            yield folder
    except BlockingIOError as exc:
        raise EnrolError(
            "another edge-agent enroll is running",
            where=str(folder),
            remedy="Wait until it has ended",
            code="enrolment_running",
            try_command="edge-agent doctor",
        ) from exc
    except OSError as exc:
        raise EnrolError(
            f"the identity cannot be kept ({exc.strerror or exc})",
            where=str(folder),
            remedy="The state folder must exist and belong to the agent's user "
            f"(install -d -o edge -m 0700 {site.gateway.state_dir}); run this as that user or root",
            code="state_dir",
            try_command="edge-agent doctor",
        ) from exc


def _refuse_second_identity(site: SiteConfig) -> None:
    stored = read_identity(site)
    if stored is None:
        return
    raise EnrolError(
        f"gateway {stored.gateway} is enrolled already, with key "
        f"{fingerprint(bytes.fromhex(stored.public_key))} at {stored.core_url}",
        where=str(identity_path(site)),
        remedy="For a new key: edge-agent enroll --rotate. To join anew: "
        f"hr-core token {stored.gateway} --again on the core, then edge-agent enroll --force here",
        code="already_enrolled",
        try_command="edge-agent enroll --rotate",
    )


def _refuse_interrupted_enrolment(site: SiteConfig, folder: Path, old: SigningKey) -> None:
    """Its key may be the only one that the core still accepts."""
    pending = _read_pending(folder)
    if pending is None or pending.for_public == old.public.hex():
        return
    if pending.private_key == old.seed.hex():  # it became the identity, and then came the crash
        return
    raise EnrolError(
        "an enrolment was interrupted here, and its key must not be lost",
        where=str(folder / PENDING_NAME),
        remedy="Give edge-agent enroll --force with the same token again; it goes on where it "
        "stopped",
        code="enrolment_interrupted",
        try_command=f"edge-agent enroll --force - -c {site.path}",
    )


def _spare_credential(site: SiteConfig, old: SigningKey) -> SigningKey:
    for name in CREDENTIALS:
        key = credential_key(site, name)
        if key is not None and key.public != old.public:
            return key
    raise EnrolError(
        "the key is a systemd credential, which only its owner can renew",
        where=CREDENTIALS[0],
        remedy=f"Give this command a second one, LoadCredential={CREDENTIALS[1]}:FILE "
        "(docs/enrolment.md)",
        code="key_missing",
        try_command="edge-agent enroll --help",
    )


def _pending_key(folder: Path, gateway: str, for_public: bytes, entropy: Entropy) -> SigningKey:
    """The key of an interrupted run for the same purpose, else a new one; on the disk either way."""
    pending = _read_pending(folder)
    if pending is not None and (pending.gateway, pending.for_public) == (
        gateway,
        for_public.hex(),
    ):
        return SigningKey(bytes.fromhex(pending.private_key))
    key = SigningKey(entropy(SEED_BYTES))
    pending = _Pending(gateway=gateway, for_public=for_public.hex(), private_key=key.seed.hex())
    write_private(folder / PENDING_NAME, msgspec.json.encode(pending))
    return key


def _read_pending(folder: Path) -> _Pending | None:
    """None also for a damaged one: it never became an identity."""
    with suppress(FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        pending = msgspec.json.decode((folder / PENDING_NAME).read_bytes(), type=_Pending)
        SigningKey(bytes.fromhex(pending.private_key))
        return pending
    return None


_Answer = TypeVar("_Answer", EnrolmentAnswer, RotationAnswer)


def _ask(folder: Path, question: Callable[[], _Answer]) -> _Answer:
    try:
        return question()
    except CoreRefusedError as error:
        if error.code in _FINAL_CODES:
            remove(folder / PENDING_NAME)
        raise


def _check(
    client: CoreClient, answer: EnrolmentAnswer | RotationAnswer, gateway: str, key: SigningKey
) -> None:
    try:
        check_answers(answer, gateway, key.public)
    except WrongCoreError as exc:
        raise client.wrong_core() from exc


def _keep(site: SiteConfig, folder: Path, identity: StoredIdentity) -> None:
    write_private(identity_path(site), msgspec.json.encode(identity))
    remove(folder / PENDING_NAME)
