"""What the pages cost: the first page, the desk with one and five viewers, many plain clients, reconnects, and the time when nobody looks.

uv run --extra dash --group test python -m tests.benchmarks.bench_pages [--seconds N] [--clients N] [--reconnects N] [--plain]

The demo session is a process of its own, which trades all the while; a figure is the CPU time (user and system) of that process above what
it takes while nobody looks, as a part of one core. Browsers are others' work and are not counted. `--plain` leaves browsers out.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from live.gateway.security.issuer import LocalIssuer
from live.gateway.security.principals import Role

TICK = os.sysconf("SC_CLK_TCK")
DESK = {
    "market": {"topic": "market", "symbol": "AAPL", "interval": 5},
    **{name: {"topic": name} for name in ("orders", "accounts", "limits", "alerts", "refusals")},
}
"""What a desk wants of the pages' socket."""
LIGHT = {"market": {"topic": "market", "symbol": "AAPL", "interval": 5}}


def cpu_of(pid: int) -> float:
    """Seconds of CPU (user and system) that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Demo:
    """The demo session with its pages, in a process of its own."""

    def __init__(self, out: Path) -> None:
        words = [sys.executable, "-m", "tapebook", "live", "--demo", "--port", "0", "--out", str(out), "--json"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        file, said = out / "live" / "demo" / "session.json", dict[str, Any]()
        while not said.get("url"):
            time.sleep(0.2)
            assert self.process.poll() is None, "the session ended"
            said = json.loads(file.read_text()) if file.exists() else {}
        self.url = str(said["url"])
        self.token = LocalIssuer(out).token([Role.TRADER, Role.RISK], trader="you", portfolios=["you"])
        self.cookie = f"tapebook_{self.url.rpartition(':')[2]}={self.token}"

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        return cpu_of(self.process.pid)

    def resident(self) -> float:
        """Memory in MB."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def page(self, path: str) -> float:
        """CPU seconds of one page, its HTML read."""
        before = self.cpu()
        request = urllib.request.Request(self.url + path, headers={"cookie": self.cookie})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as answer:
            assert answer.status == 200
            answer.read()
        return self.cpu() - before

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def share(demo: Demo, seconds: float, idle: float = 0.0) -> float:
    """CPU of the session over a while, in percent of a core, above `idle`."""
    before, began = demo.cpu(), time.monotonic()
    time.sleep(seconds)
    return 100 * (demo.cpu() - before) / (time.monotonic() - began) - idle


async def plain(demo: Demo, count: int, wanted: dict[str, Any], seconds: float, idle: float) -> tuple[float, float]:
    """CPU (percent of a core) and frames a second each of so many clients of the pages' socket."""
    where, frames = demo.url.replace("http", "ws", 1) + "/dash/ws", [0]

    async def client() -> None:
        async with connect(where, additional_headers={"cookie": demo.cookie}, origin=demo.url, max_size=None, proxy=None) as socket:  # type: ignore[arg-type]
            await socket.send(json.dumps({"topics": wanted}))
            async for _ in socket:
                frames[0] += 1

    tasks = [asyncio.create_task(client()) for _ in range(count)]
    await asyncio.sleep(2)
    frames[0], began = 0, time.monotonic()
    used = await asyncio.to_thread(share, demo, seconds, idle)
    rate = frames[0] / (time.monotonic() - began) / count
    failed = [task.exception() for task in tasks if task.done()]
    assert not failed, failed[0]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return used, rate


async def reconnects(demo: Demo, count: int) -> tuple[float, float, float]:
    """Memory (MB) before, half-way and after so many connections, each of which took a frame and went."""
    where, seen = demo.url.replace("http", "ws", 1) + "/dash/ws", [demo.resident()]
    for k in range(count):
        async with connect(where, additional_headers={"cookie": demo.cookie}, origin=demo.url, max_size=None, proxy=None) as socket:  # type: ignore[arg-type]
            await socket.send(json.dumps({"topics": DESK}))
            await socket.recv()
            await socket.recv()
        if k == count // 2:
            seen.append(demo.resident())
    return seen[0], seen[-1], demo.resident()


def nobody_looks(out: Path, seconds: float) -> tuple[float, float]:
    """Percent of a core that the pages over a session that has ended take: with a page that is open, and after it was closed."""
    words = [sys.executable, "-m", "tapebook", "dash", "--log", str(out / "live" / "demo"), "--out", str(out)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url, _, path = process.stdout.readline().rpartition(": ")[2].strip().partition("/enter")
        jar = urllib.request.HTTPCookieProcessor()
        with urllib.request.build_opener(jar, urllib.request.ProxyHandler({})).open(f"{url}/enter{path}", timeout=120) as answer:
            answer.read()
        cookie = "; ".join(f"{one.name}={one.value}" for one in jar.cookiejar)

        def used() -> float:
            before, began = cpu_of(process.pid), time.monotonic()
            time.sleep(seconds)
            return 100 * (cpu_of(process.pid) - before) / (time.monotonic() - began)

        async def looked() -> float:
            where = url.replace("http", "ws", 1) + "/dash/ws"
            async with connect(where, additional_headers={"cookie": cookie}, origin=url, max_size=None, proxy=None) as socket:  # type: ignore[arg-type]
                await socket.send(json.dumps({"topics": DESK}))
                taking = asyncio.create_task(_taken(socket))
                await asyncio.sleep(2)  # the first frames hold everything
                share_of = await asyncio.to_thread(used)
                taking.cancel()
                return share_of

        open_ = asyncio.run(looked())
        time.sleep(2)
        return open_, used()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


async def _taken(socket: Any) -> None:
    async for _ in socket:
        pass


def browsers(demo: Demo, count: int, seconds: float, idle: float) -> tuple[float, float]:
    """CPU (percent of a core) of so many desks in a real browser, and the frames a second that the first one took."""
    from playwright.sync_api import sync_playwright

    from tests.support.pages import QUIET, Visit

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with ExitStack() as stack:
        playing: AbstractContextManager[Any] = sync_playwright()
        chromium = stack.enter_context(playing).chromium.launch(executable_path=path, args=QUIET)
        stack.callback(chromium.close)
        desks = [Visit(chromium, demo.url, demo.token).go("/desk?symbol=AAPL") for _ in range(count)]
        frames = "async () => (await import('/dash/assets/js/feed.mjs')).feed.frames"
        time.sleep(3)
        began, seen = time.monotonic(), desks[0].page.evaluate(frames)
        used = share(demo, seconds, idle)
        rate = (desks[0].page.evaluate(frames) - seen) / (time.monotonic() - began)
        for one in desks:
            one.clean()
        return used, rate


def told(what: str, figure: Callable[[], str]) -> None:
    print(f"{what:<58} {figure()}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20, help="for each figure; 30 gives steady ones")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--reconnects", type=int, default=100)
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as scratch:
        demo = Demo(Path(scratch))
        try:
            told("first page, cold (CPU s of the session)", lambda: f"{demo.page('/desk'):.2f}")
            told("the next one", lambda: f"{min(demo.page('/desk') for _ in range(3)):.2f}")
            time.sleep(3)
            idle = share(demo, given.seconds)
            told("the session alone, trading (percent of a core)", lambda: f"{idle:.1f}")
            for name, count, wanted in (("desk", 1, DESK), ("desk", 5, DESK), ("market", given.clients, LIGHT)):
                used, rate = asyncio.run(plain(demo, count, wanted, given.seconds, idle))
                told(f"{count} clients of the socket, {name}", lambda used=used, rate=rate: f"{used:+.1f} %, {rate:.1f} frames a second")  # type: ignore[misc]
            for count in () if given.plain else (1, 5):
                used, rate = browsers(demo, count, given.seconds, idle)
                told(f"{count} desks in a browser", lambda used=used, rate=rate: f"{used:+.1f} %, {rate:.1f} frames a second")  # type: ignore[misc]
            before, middle, after = asyncio.run(reconnects(demo, given.reconnects))
            told(f"memory over {given.reconnects} reconnects (MB)", lambda: f"{before:.0f}, {middle:.0f}, {after:.0f}")
            time.sleep(3)
            told("after the last viewer has left (above the session alone)", lambda: f"{share(demo, given.seconds, idle):+.1f} %")
        finally:
            demo.stop()
        open_, closed = nobody_looks(Path(scratch), given.seconds)
        told("pages over the ended session: one viewer, then nobody", lambda: f"{open_:.1f} %, {closed:.1f} %")
        print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
