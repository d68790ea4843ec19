"""What a strategy may send. Prices are ticks, quantities lots; an instrument is its number or its symbol."""

import struct
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.loop.loop_state import ALARM, COMMANDS_PER_CALL, NEVER
from engine.messages.durations import duration_ns
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderType, SelfTrade, Side, TimeInForce
from engine.strategy.clock import next_time_of_day
from engine.strategy.values import Event, OwnOrder
from engine.strategy.view import AT, View

_COMMAND = struct.Struct("<qQqqqIIIBBBBBBHI")
MARKET = NOT_NAMED
"""The price of an order that takes what there is."""


class Trading(View):
    """Orders, alarms and the log of a strategy."""

    logged: list[tuple[int, str]]
    _calls: dict[int, Callable[[], None]]
    _traded: "array[int]"

    # what it may send

    def buy(
        self,
        quantity: int,
        price: int | None = MARKET,
        instrument: int | str = 0,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        post_only: bool = False,
        reduce_only: bool = False,
        self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
    ) -> int:
        """Send an order to buy: LIMIT where a price is given, else MARKET. Returns its id."""
        return self._enter(Side.BUY, quantity, price, NOT_NAMED, instrument, time_in_force, post_only, reduce_only, self_trade)

    def sell(
        self,
        quantity: int,
        price: int | None = MARKET,
        instrument: int | str = 0,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        post_only: bool = False,
        reduce_only: bool = False,
        self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
    ) -> int:
        """Send an order to sell, as `buy`."""
        return self._enter(Side.SELL, quantity, price, NOT_NAMED, instrument, time_in_force, post_only, reduce_only, self_trade)

    def stop(
        self,
        side: Side,
        quantity: int,
        stop_price: int | None,
        instrument: int | str = 0,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        reduce_only: bool = False,
        self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
    ) -> int:
        """Send a STOP: a MARKET order once the last trade is at `stop_price` or through it. Returns its id."""
        return self._enter(side, quantity, MARKET, stop_price, instrument, time_in_force, False, reduce_only, self_trade)

    def stop_limit(
        self,
        side: Side,
        quantity: int,
        price: int | None,
        stop_price: int | None,
        instrument: int | str = 0,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        post_only: bool = False,
        reduce_only: bool = False,
        self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
    ) -> int:
        """Send a STOP_LIMIT: a LIMIT order at `price` once the last trade is at `stop_price` or through it. Returns its id."""
        return self._enter(side, quantity, price, stop_price, instrument, time_in_force, post_only, reduce_only, self_trade)

    def cancel(self, order: int | OwnOrder | Event) -> None:
        """Ask to cancel an order, named by its id or itself; without effect where a cancel is on its way. The exchange refuses what is not
        open (`on_rejected`)."""
        order_id = self._id_of(order)
        if not self._cancel({order_id}):
            self._send(order_id, NOT_NAMED, NOT_NAMED, NOT_NAMED, self._sent_to(order_id), 0, Kind.CANCEL)

    def cancel_all(self) -> None:
        """Ask to cancel every open order that no cancel is on its way for."""
        self._cancel(None)

    def replace(
        self, order: int | OwnOrder | Event, quantity: int | None = None, price: int | None = None, stop_price: int | None = None
    ) -> None:
        """Ask for a new total quantity, price or stop price of an order, named by its id or itself; what is not named stays. The exchange
        refuses what is not open (`on_rejected`)."""
        order_id = self._id_of(order)
        lots, ticks, stop = (NOT_NAMED if given is None else given for given in (quantity, price, stop_price))
        self._send(order_id, lots, ticks, stop, self._sent_to(order_id), 0, Kind.REPLACE)

    # time, and what it has to say

    def at(self, time: int | str, call: Callable[[], None] | None = None) -> int:
        """Be called once at `time`: ns UTC, or "HH:MM[:SS]" on the feed's clock, today or tomorrow. `call` is called then, `on_timer` where
        there is none. Returns the alarm's number. Raises ValueError for a time that has passed."""
        moment = next_time_of_day(time, self.now, self._offsets) if isinstance(time, str) else int(time)
        if moment < self.now:
            raise ValueError(f"at {time}: it is {self.now} already; an alarm is set for later")
        return self._alarm(moment, call)

    def after(self, delay: int | str, call: Callable[[], None] | None = None) -> int:
        """Be called once when `delay` ("5s", or ns) has passed, as `at`."""
        wait = duration_ns(delay)
        if wait <= 0:
            raise ValueError(f"after {delay!r}: give a delay above 0")
        return self._alarm(self.now + wait, call)

    def log(self, *what: Any) -> None:
        """Write a line into the run's log, with the time."""
        self.logged.append((self.now, " ".join(map(str, what))))

    def stop_trading(self, reason: str) -> None:
        """Cancel every open order and be called no more; `reason` is written into the run's log."""
        self.log(f"stopped trading: {reason}")
        self.cancel_all()
        for name, nothing in (("wants", 0), ("alarms", 0), ("alarm_next", NEVER), ("timer_next", NEVER), ("bar_next", NEVER)):
            self._clock[AT[name]] = nothing
        self._calls.clear()

    def remember(self, sent: np.ndarray) -> None:
        """The instruments of orders among commands (COMMAND) that are about to be forgotten."""
        for order_id, instrument in sent[sent["kind"] == Kind.NEW][["order_id", "instrument"]].tolist():
            self._traded.extend([0] * (order_id - len(self._traded)))
            self._traded.append(instrument)

    # the machine behind

    def _enter(
        self,
        side: int,
        quantity: int,
        price: int | None,
        stop_price: int | None,
        instrument: int | str,
        time_in_force: int,
        post_only: bool,
        reduce_only: bool,
        self_trade: int,
    ) -> int:
        if price is None or stop_price is None:
            raise ValueError("the price is None, as of an empty side of a book; leave it out for a MARKET order")
        kind = OrderType((price != MARKET) + 2 * (stop_price != NOT_NAMED))
        flags = Flag.POST_ONLY * post_only + Flag.REDUCE_ONLY * reduce_only
        order_id = int(self._clock[AT["next_id"]])
        terms = (side, kind, time_in_force, flags, self_trade)
        self._send(
            order_id, quantity, 0 if price == MARKET else price, stop_price, self._number(instrument), self._portfolio, Kind.NEW, *terms
        )
        self._clock[AT["next_id"]] = order_id + 1
        return order_id

    def _cancel(self, only: set[int] | None) -> int:
        """Cancel open orders that no cancel is on its way for; returns how many open ones were meant."""
        own, meant = self._state.own, 0
        for k, row in enumerate(own[: self._clock[AT["open"]]].tolist()):
            if only is None or row[0] in only:
                meant += 1
                if not row[7]:
                    self._send(row[0], NOT_NAMED, NOT_NAMED, NOT_NAMED, row[1], 0, Kind.CANCEL)
                    own["cancelling"][k] = 1
        return meant

    @staticmethod
    def _id_of(order: int | OwnOrder | Event) -> int:
        """The id of an order. Raises TypeError for what is none."""
        found = getattr(order, "order_id", order)
        if isinstance(found, bool) or not isinstance(found, int | np.integer):
            raise TypeError(f"{order!r} is not an order; name it by its id, or give one of `orders`")
        return int(found)

    def _sent_to(self, order_id: int) -> int:
        """The instrument that an order of ours was sent for; 0 where there was none of that id."""
        for row in self._state.own[: self._clock[AT["open"]]].tolist():
            if row[0] == order_id:
                return int(row[1])
        mine = self._state.commands[: self._clock[AT["sent"]]]
        found = np.flatnonzero((mine["order_id"].astype(np.int64) == order_id) & (mine["kind"] == Kind.NEW))
        if len(found):
            return int(mine["instrument"][found[-1]])
        return self._traded[order_id] if 0 <= order_id < len(self._traded) else 0

    def _send(
        self,
        i: int,
        lots: int,
        ticks: int,
        stop: int,
        k: int,
        owner: int,
        kind: int,
        side: int = 0,
        order: int = 0,
        tif: int = 0,
        flags: int = 0,
        self_trade: int = 0,
    ) -> None:
        row = int(self._clock[AT["sent"]])
        if row - int(self._clock[AT["stamped"]]) >= COMMANDS_PER_CALL:
            raise RuntimeError(f"more than {COMMANDS_PER_CALL} commands in one call; send fewer, or spread them over several calls")
        try:
            _COMMAND.pack_into(
                self._buffer, row * 64, 0, i, lots, ticks, stop, k, owner, self._trader, kind, side, order, tif, flags, self_trade, 0, 0
            )
        except struct.error:
            raise ValueError(f"{lots} lots at {ticks} ticks: quantities are whole lots, prices whole ticks, instruments numbers") from None
        self._clock[AT["sent"]] = row + 1

    def _alarm(self, moment: int, call: Callable[[], None] | None) -> int:
        count, number = int(self._clock[AT["alarms"]]), int(self._clock[AT["alarm_last"]]) + 1
        if count == len(self._state.alarms):
            raise RuntimeError(f"more than {COMMANDS_PER_CALL} alarms in one call; set fewer")
        self._state.alarms[count] = np.array((moment, number), ALARM)
        self._clock[AT["alarms"]], self._clock[AT["alarm_last"]] = count + 1, number
        self._clock[AT["alarm_next"]] = min(int(self._clock[AT["alarm_next"]]), moment)
        if call is not None:
            self._calls[number] = call
        return number
