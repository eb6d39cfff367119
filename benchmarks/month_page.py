"""The month grid of a team from stored days: time at the server and size on the wire.

500 people with 31 stored days each, shown a hundred a page; the days are copies of one that the
engine computed. Wanted: under 400 ms and 120 KB gzip a page (specs/users/screens.md 3).
"""

import asyncio
import gzip
import tempfile
import time
from datetime import date
from pathlib import Path

import httpx
from msgspec.structs import replace

from hr_core.api.app import create_app
from hr_core.store.attendance_days import days_of_person, put_days
from hr_core.store.database import writing
from hr_core.store.people import load_roster, save_roster
from hr_core.web.routes import page_routes
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.plant import NOW, PlantClock, running_plant

PEOPLE, ROUNDS = 500, 15


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        engine = running_plant(Path(name))
        with writing(engine) as conn:
            roster = load_roster(conn)
            one = roster.people["1007"]
            numbers = [f"{n}" for n in range(10_001, 10_001 + PEOPLE)]
            more = {number: replace(one, number=number, name=f"工{number}") for number in numbers}
            save_roster(conn, replace(roster, people=roster.people | more))
            days = days_of_person(conn, "1007", date(2026, 10, 1), date(2026, 11, 1)).values()
            put_days(conn, [replace(day, person=number) for number in numbers for day in days])
        app = create_app(
            engine,
            clock=PlantClock(),
            core_key=CORE_KEY,
            extra_routes=page_routes(engine, PlantClock()),
        )
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for what, place in (
                ("grid, the fullest page", "/zh/month?month=2026-10&all=1&page=2"),
                ("a person's month", "/zh/month/2026-10/10007"),
                ("a person's day", "/zh/day/2026-10-15/10007"),
            ):
                taken = []
                for _ in range(ROUNDS):
                    began = time.perf_counter()
                    answer = await client.get(place)
                    taken.append(time.perf_counter() - began)
                    answer.raise_for_status()
                size = len(gzip.compress(answer.content))
                median = sorted(taken)[ROUNDS // 2]
                print(f"{what}: median {1000 * median:.0f} ms, {size / 1000:.1f} KB gzip")
        print(f"({PEOPLE} people and their days beside the plant's, {NOW:%Y-%m-%d})")
        engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
