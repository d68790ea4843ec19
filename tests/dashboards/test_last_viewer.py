"""When the last viewer has left, nothing is read, written or waited for on its behalf any more."""

import asyncio
import time

import pytest

pytest.importorskip("panel")


def on_loop(session, question):
    """What a question finds on the session's own loop."""

    async def asked():
        return question()

    return asyncio.run_coroutine_threadsafe(asked(), session.loop).result(30)


def works():
    """Names of the coroutines that wait or run."""
    return sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks() if task is not asyncio.current_task())


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.1)


def test_nothing_goes_on_for_viewers_that_left(session, visit):
    import panel as pn

    hub = session.gateway.app.socket.hub
    before = on_loop(session, works)
    for path in ("/desk", "/risk"):
        page = visit("ann", path)
    assert len(hub.viewers) == 2
    assert sum("PageSocket" in name for name in on_loop(session, works)) == 4  # one reads, one watches, each
    reads = []
    read = hub.source.read
    hub.source.read = lambda topic, mark: (reads.append(topic), read(topic, mark))[1]
    try:
        session.trade("150.00", 1)
        until(lambda: reads)
        page.context.browser.contexts[-2].close()
        page.context.close()
        until(lambda: not hub.viewers)
        until(lambda: not [name for name in on_loop(session, works) if "PageSocket" in name or "Viewer" in name])
        frames = hub.frames
        reads.clear()
        session.trade("150.25", 2)
        ticks = on_loop(session, lambda: hub._ticks)
        time.sleep(1.0)  # ten rounds of the hub, if it made any
        assert not reads
        assert (hub.frames, on_loop(session, lambda: hub._ticks)) == (frames, ticks)
        after = on_loop(session, works)
        panels = [name for name in after if name not in before and "Panel" in name]
        assert panels == []
        assert len(after) <= len(before) + 2  # the server's own connections that are kept open for a moment
        assert pn.state.busy is False
    finally:
        hub.source.read = read
