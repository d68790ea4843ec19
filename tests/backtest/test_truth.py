"""What a run says of itself against the exchange's own accounts, and against plain Python integers, on random runs.

Marks, deposits, halts, several portfolios, lots of 1e-8, negative prices, windows and merged feeds: whatever a feed may hold.
"""

import functools
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from backtest import Backtest
from backtest.numbers import number
from backtest.result import Result
from data import Feed, merge, synthetic_flow
from data.feed import BATCH_ROWS, Commands
from engine import Exchange, Instrument, Kind, Strategy
from engine.messages.records import COMMAND
from engine.messages.vocabulary import HISTORY, Side
from engine.strategy.driver import Driver

MESSAGES = 1_500
EXTRAS = 40
SEEDS = range(6)


class Disturbed(Feed):
    """A feed with marks, deposits, withdrawals and halts among its rows; its prices may be moved around zero."""

    def __init__(self, feed: Feed, seed: int, portfolios: int, shift: int = 0) -> None:
        self.feed, self.seed, self.portfolios, self.shift = feed, seed, portfolios, shift
        self.name, self.counts, self.time_zone = f"disturbed {feed.name}", {}, feed.time_zone
        self.instruments = [
            Instrument(i.symbol, i.tick, i.lot, maker_fee="-0.0000050", taker_fee="0.0000220", negative_prices=bool(shift))
            for i in feed.instruments
        ]

    @property
    def fingerprint(self) -> str:
        return f"{self.feed.fingerprint}-{self.seed}-{self.shift}"

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        random, plain = np.random.default_rng(self.seed), self.feed.commands()
        plain["price"] -= np.where(plain["price"] != 0, self.shift, 0)
        where = np.sort(random.integers(1, len(plain), EXTRAS))
        extra = np.zeros(EXTRAS, COMMAND)
        extra["ts"], extra["instrument"] = plain["ts"][where], random.integers(0, len(self.instruments), EXTRAS)
        for k, (row, kind) in enumerate(zip(extra, random.choice([Kind.MARK, Kind.DEPOSIT, Kind.HALT], EXTRAS).tolist())):
            row["kind"] = kind
            if kind == Kind.MARK:
                near = plain["price"][plain["instrument"] == row["instrument"]]
                row["price"] = near[near != 0][0] + random.integers(-300, 300)
            elif kind == Kind.DEPOSIT:
                row["portfolio"], row["quantity"] = random.integers(1, self.portfolios + 1), random.integers(-(10**9), 10**10)
            elif k % 2:
                row["kind"] = Kind.RESUME
        yield np.insert(plain, where, extra)


class Trader(Strategy):
    """Takes, quotes, replaces and cancels as a seed says, in every instrument."""

    every = "90s"
    seed = 1

    def on_start(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def on_timer(self) -> None:
        for instrument in self.symbols:
            book, lots = self.book(instrument), int(self.random.integers(1, 400))
            send = self.buy if self.random.random() < 0.5 else self.sell
            what = self.random.random()
            if what < 0.35:
                send(lots, instrument=instrument)
            elif what < 0.8 and book.bid is not None and book.ask is not None:
                send(lots, book.bid if send == self.buy else book.ask, instrument)
            elif what < 0.9:
                self.cancel_all()


class Other(Trader):
    """Another one, less often."""

    every = "140s"
    seed = 2


class Account(NamedTuple):
    """What the portfolios together had at a time, in Python's integers."""

    ts: int
    cash: int
    value: int
    exposure: int


class Truth:
    """The run again, one command at a time: what an exchange of its own holds after each."""

    def __init__(self, driver: Driver, end: int, names: list[str]) -> None:
        self.exchange = Exchange.from_commands(driver.exchange.opening)
        self.portfolios = [driver.exchange.names.portfolios[name] for name in names]
        self.accounts: list[Account] = []
        self.volumes: list[tuple[int, list[int]]] = []
        sent, _, rows = driver.sent()
        history, played = driver.history, int(driver.clock["row"])
        assert played == np.searchsorted(history["ts"], end, "right")
        after = np.searchsorted(rows, np.arange(played + 1), "left")
        for k in range(played + 1):
            for command in sent[after[k] : after[k + 1] if k < played else len(sent)]:
                self.carry_out(command.reshape(1))
            if k < played:
                self.carry_out(np.asarray(history[k : k + 1]))

    def carry_out(self, command: np.ndarray) -> None:
        self.exchange.run(command)
        state, cash, value, exposure = self.exchange.state, 0, 0, 0
        for portfolio in self.portfolios:
            cash += int(state.portfolios["cash"][portfolio])
        held = [0] * len(state.instruments)
        for row in state.positions[: int(state.session["positions"][0])]:
            if row["portfolio"] in self.portfolios:
                held[int(row["instrument"])] += int(row["quantity"])
        for terms, lots in zip(state.instruments, held):
            worth = lots * int(terms["mark"]) * int(terms["value"])
            value, exposure = value + worth, exposure + abs(worth)
        account = Account(int(command["ts"][0]), cash, value, exposure)
        if self.accounts and self.accounts[-1].ts == account.ts:
            self.accounts[-1], self.volumes[-1] = account, (account.ts, state.instruments["volume"].tolist())
        else:
            self.accounts.append(account)
            self.volumes.append((account.ts, state.instruments["volume"].tolist()))

    def at(self, ts: int) -> Account:
        return [one for one in self.accounts if one.ts <= ts][-1]

    def volume(self, before: int) -> list[int]:
        """Lots printed before a time."""
        found = [lots for ts, lots in self.volumes if ts < before]
        return found[-1] if found else [0] * len(self.volumes[0][1])


class Played(NamedTuple):
    """A run with what is held against it."""

    result: Result
    driver: Driver
    truth: Truth


@functools.cache
def played(seed: int) -> Played:
    """A random run: each seed has other lots, prices, portfolios and windows."""
    lot, shift = ("1", "0.00000001")[seed % 2], (0, 0, 9_950)[seed % 3]
    one = Disturbed(synthetic_flow(seed, symbols="AAA", messages=MESSAGES, lot=lot, price=100), seed, 1 + seed % 2, shift)
    both = merge([one, synthetic_flow(seed + 50, symbols="BBB", messages=MESSAGES)]) if seed % 4 == 1 else one
    window: dict[str, Any] = [{}, {"start": "11:00"}, {"end": "14:30", "warm_up": "20min"}, {"start": "10:10", "end": "13:00:01"}][seed % 4]
    strategies: Any = [Trader(), Other()] if seed % 2 else Trader()
    recording, driver = Backtest(both, strategies, cash=100_000, sample_every=(0, "100ms", "7s")[seed % 3], **window).record()
    return Played(Result(recording), driver, Truth(driver, recording.end, list(recording.cash)))


def our_sides(one: Played, traders: list[int] | None = None) -> list[tuple[Any, bool, int]]:
    """Each side of ours in a trade: the fact, whether it was the maker, and +1 for a buy."""
    found = []
    for fact in one.driver.facts.all():
        if fact["kind"] == Kind.TradeExecuted:
            for maker in (True, False):
                trader = int(fact["maker_trader" if maker else "trader"])
                if trader != HISTORY and (traders is None or trader in traders):
                    found.append((fact, maker, 1 if (fact["side"] == Side.BUY) != maker else -1))
    return found


def money(one: Played, units: int) -> Any:
    return pytest.approx(units / one.result.recording.unit, rel=1e-14, abs=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_run_has_something_of_everything(seed: int) -> None:
    one = played(seed)
    kinds = set(one.driver.facts.all()["kind"].tolist())
    assert {Kind.PriceMarked, Kind.CashDeposited, Kind.TradingHalted, Kind.TradeExecuted} <= kinds
    assert one.truth.exchange.digest() == one.driver.exchange.digest(), "the truth is of the same run"
    assert one.result.summary["fills"] > 20


@pytest.mark.parametrize("seed", SEEDS)
def test_the_end_is_the_exchanges_own(seed: int) -> None:
    one = played(seed)
    accounts = {name: one.driver.exchange.portfolio(name) for name in one.result.recording.cash}
    assert set(one.result.strategies) == set(accounts)
    summary, last = one.result.summary, one.truth.accounts[-1]
    assert summary["end_equity"] == money(one, last.cash + last.value)
    assert summary["end_equity"] == pytest.approx(sum(account["equity"] for account in accounts.values()), rel=1e-14)
    assert one.result.equity["cash"][-1] == pytest.approx(sum(account["cash"] for account in accounts.values()), rel=1e-14)
    for name, result in one.result.strategies.items():
        account, said = accounts[name], result.summary
        assert said["end_equity"] == pytest.approx(account["equity"], rel=1e-14)
        assert said["fees"] == pytest.approx(account["fees"], abs=1e-10)
        assert result.equity["cash"][-1] == pytest.approx(account["cash"], rel=1e-14)
        assert said["end_equity"] - said["net_pnl"] == pytest.approx(deposited(one, name) / result.recording.unit, rel=1e-14)
        for symbol, held in account["positions"].items():
            mine = result.positions.filter(result.positions["symbol"] == symbol)["quantity"]
            assert (mine[-1] if len(mine) else 0.0) == pytest.approx(held["quantity"], abs=1e-12)
        trips = result.round_trips
        assert trips["pnl"].sum() == pytest.approx(said["net_pnl"], abs=1e-6)
        assert said["closed_pnl"] + said["open_pnl"] == pytest.approx(said["net_pnl"], abs=1e-8)


def deposited(one: Played, name: str) -> int:
    facts, number_ = one.driver.facts.all(), one.driver.exchange.names.portfolios[name]
    return sum(int(fact["value"]) for fact in facts if fact["kind"] == Kind.CashDeposited and fact["portfolio"] == number_)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_curve_is_the_account_at_every_change(seed: int) -> None:
    one = played(seed)
    r, curve = one.result.recording, one.result.analysis.curve
    for ts, cash, value, exposure in zip(curve.ts.tolist(), curve.cash.tolist(), curve.value.tolist(), curve.notional.tolist()):
        truth = one.truth.at(ts)
        assert (cash, value, exposure) == (truth.cash, truth.value, truth.exposure), ts
    inside = [one.truth.at(r.opened), *(one_ for one_ in one.truth.accounts if r.opened < one_.ts <= r.end)]
    assert one.result.summary["notional_max"] == money(one, max(account.exposure for account in inside))
    there = set(curve.ts.tolist())
    for before, after in pairwise(inside):
        assert (before.cash, before.value) == (after.cash, after.value) or after.ts in there, "every change is on the curve"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_deepest_drawdown_misses_nothing(seed: int) -> None:
    one = played(seed)
    r = one.result.recording
    paid = [(int(f["ts"]), int(f["value"])) for f in one.driver.facts.all() if f["kind"] == Kind.CashDeposited]
    peak = deepest = 0
    for account in [one.truth.at(r.opened), *(later for later in one.truth.accounts if r.opened < later.ts <= r.end)]:
        pnl = account.cash + account.value - sum(value for ts, value in paid if ts <= account.ts)
        peak = max(peak, pnl)
        deepest = min(deepest, pnl - peak)
    assert one.result.summary["max_drawdown"] == money(one, deepest)


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_best_and_worst_of_a_trip_miss_nothing(seed: int) -> None:
    """One portfolio in one symbol: a trip's P&L is the account's, less what it was when the trip began."""
    one = played(seed)
    paid = [(int(f["ts"]), int(f["value"])) for f in one.driver.facts.all() if f["kind"] == Kind.CashDeposited]
    course = [(a.ts, a.cash + a.value - sum(value for ts, value in paid if ts <= a.ts)) for a in one.truth.accounts]
    began = 0
    assert len(one.result.analysis.trips) > 1
    for trip in one.result.analysis.trips:
        until = one.result.recording.end if trip["open"] else int(trip["exit"]) - 1
        held = [pnl - began for ts, pnl in course if trip["entry"] <= ts <= until]
        assert (trip["best"], trip["worst"]) == (max([*held, int(trip["pnl"])]), min([*held, int(trip["pnl"])]))
        began += int(trip["pnl"])


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_traded_in_plain_integers(seed: int) -> None:
    one = played(seed)
    r, exchange = one.result.recording, one.driver.exchange
    printed = sum(r.printed or [])
    assert printed == sum(exchange.state.instruments["volume"].tolist()) - sum(one.truth.volume(r.opened))
    for name, result in [("", one.result), *one.result.strategies.items()]:
        sides = our_sides(one, [exchange.names.traders[name]] if name else None)
        notional = [abs(int(f["price"]) * int(f["quantity"]) * r.value(int(f["instrument"]))) for f, _, _ in sides]
        summary, frame = result.summary, result.fills
        assert (summary["fills"], len(frame)) == (len(sides), len(sides))
        assert summary["turnover"] == money(one, sum(notional))
        maker = sum(value for value, (_, passive, _) in zip(notional, sides) if passive)
        assert summary["maker_share"] == pytest.approx(maker / sum(notional))
        lots = sum(int(f["quantity"]) for f, _, _ in sides)
        assert frame["quantity_lots"].sum() == lots
        others = printed - sum({int(f["seq"]): int(f["quantity"]) for f, _, _ in sides}.values())
        assert summary["market_share"] == pytest.approx(lots / others)
        fees = [int(f["maker_fee" if passive else "fee"]) for f, passive, _ in sides]
        assert summary["fees_paid"] == money(one, sum(fee for fee in fees if fee > 0))
        assert summary["rebates"] == money(one, -sum(fee for fee in fees if fee < 0))
        units = [float(r.instruments[int(f["instrument"])].quantity(int(f["quantity"]))) for f, _, _ in sides]
        assert frame["quantity"].to_list() == pytest.approx(units)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_recorded_market_is_history_alone(seed: int) -> None:
    """Nothing of ours is in it: an exchange that only has history shows the same middle at each sample."""
    one = played(seed)
    market = one.result.recording.market
    assert market is not None
    alone, row, history = Exchange.from_commands(one.driver.exchange.opening), 0, one.driver.history
    for sample in market()[::40]:
        end = int(np.searchsorted(history["ts"], sample["ts"], "right"))
        alone.run(np.asarray(history[row:end]))
        row = end
        best = alone.state.ladders["best"][2 * sample["instrument"]]
        assert not sample["has"] & 1 or int(sample["bid"]) == int(best) * one.result.recording.instruments[sample["instrument"]].tick_units


@pytest.mark.parametrize("seed", [0, 1])
def test_the_report_shows_the_same_figures(seed: int, tmp_path: Path) -> None:
    one = played(seed)
    text = one.result.report(tmp_path / "report.html").read_text()
    for name in ("net_pnl", "end_equity", "turnover", "fees", "max_drawdown", "spread_captured", "market_spread_captured"):
        assert number(one.result.summary[name]) in text, name
