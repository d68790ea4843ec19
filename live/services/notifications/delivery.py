"""Delivers what waits for one target: in order, with retries and jitter behind a circuit breaker, and nobody waits for it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from engine.messages.durations import duration_ns
from live.configuration.services import TargetSettings
from live.services.endings import to_its_end
from live.services.notifications.outbox import Outbox, Waiting
from live.services.notifications.targets import Refused, Target, Unreachable

LOOK = 1.0
"""Seconds after which a target looks for what waits, though nobody called."""
ANSWER = 0.8
"""Seconds that an end waits for the answer to what was sent (a session gives its tasks 1): else it is told again at the next start."""
Dead = Callable[[Waiting, BaseException], Awaitable[None]]


class Delivery:
    """The way to one target. `dead` is told of what is given up."""

    def __init__(self, given: TargetSettings, target: Target, session: str, dead: Dead) -> None:
        self.given, self.target, self._session, self._dead = given, target, session, dead
        self.news = asyncio.Event()
        self.tries = 0

    async def run(self, outbox: Outbox) -> None:
        """Deliver for ever."""
        from purgatory import AsyncCircuitBreakerFactory

        pause = duration_ns(self.given.pause) / 1e9
        made = AsyncCircuitBreakerFactory(default_threshold=self.given.failures, default_ttl=pause, exclude=[Refused])
        breaker = await made.get_breaker(self.given.name)
        while True:
            self.news.clear()
            waiting = await asyncio.to_thread(outbox.waiting, self.given.name)
            for told in waiting:
                if not await self._deliver(outbox, told, breaker):
                    await asyncio.sleep(pause * (1 + random.random() / 4))
                    break
            if not waiting:
                with_in = asyncio.wait_for(self.news.wait(), LOOK)
                try:
                    await with_in
                except TimeoutError:
                    continue

    async def _deliver(self, outbox: Outbox, told: Waiting, breaker: object) -> bool:
        """Whether we are done with it."""
        from purgatory.domain.model import OpenedState

        try:
            await self._try(outbox, told, breaker)
        except (Unreachable, OpenedState) as error:
            if time.time() - told.since < duration_ns(self.given.give_up) / 1e9:
                return False
            await self._dead(told, error)
        except Exception as error:
            await self._dead(told, error)
        else:
            return True
        await asyncio.to_thread(outbox.done, [told.n], "dead")
        return True

    async def _try(self, outbox: Outbox, told: Waiting, breaker: object) -> None:
        import stamina

        first, longest = (duration_ns(text) / 1e9 for text in (self.given.first_wait, self.given.longest_wait))
        attempts = stamina.retry_context(
            on=Unreachable, attempts=self.given.attempts, timeout=None, wait_initial=first, wait_max=longest, wait_jitter=first
        )
        async for attempt in attempts:
            with attempt:
                async with breaker:  # type: ignore[attr-defined]
                    self.tries += 1
                    await to_its_end(self._send(outbox, told), ANSWER)

    async def _send(self, outbox: Outbox, told: Waiting) -> None:
        try:
            await asyncio.wait_for(self.target.send(self._session, told), duration_ns(self.given.timeout) / 1e9)
        except TimeoutError:
            raise Unreachable(f"{self.given.name}: no answer within {self.given.timeout}") from None
        await asyncio.to_thread(outbox.done, [told.n])
