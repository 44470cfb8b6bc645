# pyright: reportUnknownMemberType=false
"""Sensors: samples of a day, one minute each, become hourly means by a rule, and a plot of both."""

from __future__ import annotations

import datetime
import math
import sys

import anyio
import matplotlib.pyplot as plt

import anyredis

DAY = datetime.datetime(2026, 6, 21, tzinfo=datetime.UTC)
MINUTE, HOUR = datetime.timedelta(minutes=1), datetime.timedelta(hours=1)
ROOMS = {"attic": 24.0, "cellar": 14.0}


def temperature(mean: float, minute: int) -> float:
    """A warm afternoon, and a heating that goes on and off."""
    return mean - 4 * math.cos(minute / 720 * math.pi) + math.sin(minute / 7)


async def measure(client: anyredis.Redis[str], room: str) -> None:
    """One series for each minute, kept for a week, and one for each hour, made by the server."""
    minutes, hours = f"{{{room}}}:minutes", f"{{{room}}}:hours"
    await client.delete(minutes, hours)
    await client.ts.create(
        minutes, retention=7 * 24 * HOUR, labels={"room": room, "every": "minute"}
    )
    await client.ts.create(hours, labels={"room": room, "every": "hour"})
    await client.ts.createrule(minutes, hours, "avg", HOUR)
    readings = [
        (minutes, DAY + minute * MINUTE, temperature(ROOMS[room], minute)) for minute in range(1440)
    ]
    await client.ts.madd(readings)


async def main(url: str) -> None:
    """Measure all rooms at once, then plot what labels select."""
    async with anyredis.Redis.from_url(url, decode_responses=True) as client:
        async with anyio.create_task_group() as tasks:
            for room in ROOMS:
                tasks.start_soon(measure, client, room)
        figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
        for every, style in (("minute", "-"), ("hour", "o")):
            found = await client.ts.mrange("-", "+", f"every={every}", with_labels=True)
            for series in found.values():
                times, values = series.samples.to_numpy()
                axes.plot(times, values, style, label=f"{series.labels['room']}, by {every}")
                print(f"{series.labels['room']} by {every}: {len(values)} samples")
        axes.legend()
        figure.savefig("sensors.png")


if __name__ == "__main__":
    backend, url = sys.argv[1:3] if len(sys.argv) > 2 else ("asyncio", "redis://localhost:6379")
    anyio.run(main, url, backend=backend)
