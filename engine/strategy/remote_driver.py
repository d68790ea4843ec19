"""A strategy whose exchange is elsewhere: market and facts are told to it, and what it sends is taken out."""

import numpy as np

from engine.exchange import Exchange
from engine.loop.loop_state import NEVER, STEP, Want
from engine.strategy.live_driver import LiveDriver
from engine.strategy.participant import Participant
from engine.strategy.view import UTC


class RemoteDriver(LiveDriver):
    """Runs one strategy beside a mirror of the market. `exchange`: of the same instruments, not yet opened; the market's commands come as
    history, so the mirror holds what was told of the books and nothing else. Commands of the strategy never enter the mirror.

    `failed(0, error)` is told when the strategy raises: its open orders are cancelled, and it is called no more.
    """

    def __init__(self, exchange: Exchange, participant: Participant, offsets: np.ndarray = UTC) -> None:
        feed, _order, response = participant.latencies
        never = np.zeros(1, STEP)
        never["value"] = NEVER
        participant.latencies = (feed, never, response)
        super().__init__(exchange, [participant], offsets)

    def hold(self, cash: int, equity: int, lots: np.ndarray, costs: np.ndarray, next_id: int) -> None:
        """What the account has when the strategy begins: money (10^-decimals); lots (int64) and their cost (money) by instrument; the first
        free order id. Profit is counted from here."""
        (state,) = self.states
        state.clock["cash"], state.clock["deposits"], state.clock["next_id"] = cash, equity, next_id
        state.holdings["quantity"], state.holdings["cost"] = lots, costs

    def step(self, market: np.ndarray, facts: np.ndarray, until: int) -> np.ndarray:
        """Show the strategy the market's commands (COMMAND) and its own facts (FACT, numbers of this exchange), each at its `ts`, ascending
        and later than what was before; then let its timers come up to `until`. Returns what it sent (COMMAND, prices in units)."""
        (state,) = self.states
        self.history = np.ascontiguousarray(market)
        self.history.flags.writeable = False
        self.clock["row"], self.clock["rows"], self.clock["marks"] = 0, len(market), 0
        self._tell(facts)
        self._advance(until)
        count = int(state.clock["stamped"][0])
        sent = state.commands[:count].copy()
        state.clock["entered"] = count
        self._forget()
        return sent

    def skip(self, now: int) -> None:
        """Pass over the timers and bars that would have come up to `now`: nobody could act on them."""
        (state,) = self.states
        for name, want in (("timer", Want.TIMER), ("bar", Want.BAR)):
            following, every = int(state.clock[f"{name}_next"][0]), int(state.clock[f"{name}_every"][0])
            if state.clock["wants"][0] & int(want) and every and following <= now:
                state.clock[f"{name}_next"] = following + ((now - following) // every + 1) * every

    def _tell(self, facts: np.ndarray) -> None:
        """Facts go on the tape, from which they reach the strategy when their time has come."""
        tape, count = self.facts, len(facts)
        if tape.used + count > len(tape.chunk):
            tape.widen(0, count)
        tape.chunk[tape.used : tape.used + count] = facts
        tape.used += count
