"""Work that must not be cut off in its middle where a session ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
THREAD = 10.0
"""Seconds that an end waits for what runs in a thread."""


async def to_its_end(work: Coroutine[Any, Any, T], seconds: float = THREAD) -> T:
    """Wait for it; whoever is cancelled meanwhile still waits, `seconds` at most, and is cancelled then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # who was to hear of an error has gone
        raise
