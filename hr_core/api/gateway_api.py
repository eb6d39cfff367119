"""What gateways may do here: one for all transports, because the database has one writer."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.api.batches import BatchReceiver
from hr_core.api.questions import Questions
from hr_core.api.refusal_book import RefusalBook
from protocols.signing import SigningKey


class GatewayApi(Struct, frozen=True):
    receiver: BatchReceiver
    questions: Questions

    @classmethod
    def over(
        cls, engine: sa.Engine, *, now: Callable[[], datetime], core_key: SigningKey
    ) -> "GatewayApi":
        """`core_key` signs what gateways are answered."""
        refusals = RefusalBook(engine, now=now)
        return cls(
            BatchReceiver(engine, now=now, core_key=core_key, refusals=refusals),
            Questions(engine, now=now, core_key=core_key, refusals=refusals),
        )
