"""A gateway and a core that know each other, without the way there: for tests of what comes after."""

import os
from datetime import UTC, datetime

import msgspec

from edge_agent.enrolment.identity import FOLDER_NAME, IDENTITY_NAME, StoredIdentity
from edge_agent.enrolment.private_files import locked_folder, write_private
from hr_core.store.core_identity import core_public_key
from hr_core.store.database import open_database, writing
from hr_core.store.gateway_keys import register_key
from hr_core.store.gateways import set_site
from protocols.signing import SigningKey
from sync.identity import GatewayIdentity


def make_known(database, state_dir, gateway, *, site="site-1"):
    """Registers a new key in the core's `database` and writes the identity into `state_dir`."""
    key, now = SigningKey(os.urandom(32)), datetime.now(UTC)
    engine = open_database(f"sqlite:///{database}")
    with writing(engine) as conn:
        core_public = core_public_key(conn)
        register_key(conn, gateway, key.public, now)
        set_site(conn, gateway, site, now)
    engine.dispose()
    stored = StoredIdentity(
        gateway=gateway, site=site, core_url="http://127.0.0.1", core_public=core_public.hex(),
        public_key=key.public.hex(), private_key=key.seed.hex(), enrolled_at=now,
    )  # fmt: skip
    state_dir.mkdir(exist_ok=True)
    with locked_folder(state_dir / FOLDER_NAME):
        write_private(state_dir / FOLDER_NAME / IDENTITY_NAME, msgspec.json.encode(stored))
    return GatewayIdentity(gateway=gateway, key=key, core_public=core_public)
