"""Settlement: T+n by calendar, netting, failures and retries; shares and money are conserved; the same again gives the same bytes."""

import asyncio
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from data.log.event_log import EventLog
from data.settlement.ladder import ladder, machine_of, movements, trade_dates
from data.settlement.machine import Machine
from data.settlement.steps import Step, command, instruction_of
from data.settlement.terms import SettlementError, Terms, next_day, settle_dates
from engine import Instrument, Kind, Side
from engine.messages.instrument import money_decimals
from engine.messages.records import FACT
from live.configuration.services import SettlementSettings
from live.services.host import Standstill
from live.services.rebuild import LogHost, catch_up, rebuild
from live.services.service import Feeder
from live.services.settlement.custodian import Simulated
from live.services.settlement.service import Settlement
from live.session.session import Session
from live.writer.clock import ReplayClock
from live.writer.committed import Committed
from tests.live.services.desk import buy, run, sell, service, settings
from tests.support.log_contract import commands
from tests.support.receivers import until

DAY = 86_400 * 10**9
MONDAY = 1_767_571_200 * 10**9  # 2026-01-05 00:00 UTC
INSTRUMENTS = [Instrument("X", "0.01", taker_fee="0.0005", maker_fee="-0.0001"), Instrument("Y", "0.05", "0.001")]
TERMS = {0: Terms(2, "XNYS"), 1: Terms(1)}


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(int))


def trades(count: int, days: int, seed: int) -> np.ndarray:
    """TradeExecuted facts of random portfolios (0 to 7) on consecutive dates."""
    chance = np.random.default_rng(seed)
    made = np.zeros(count, FACT)
    made["kind"], made["seq"] = Kind.TradeExecuted, np.arange(1, 2 * count, 2)
    made["ts"] = MONDAY + np.sort(chance.integers(0, days * DAY, count))
    for name, most in (("portfolio", 8), ("maker_portfolio", 8), ("instrument", 2), ("side", 2)):
        made[name] = chance.integers(0, most, count)
    made["quantity"], made["price"] = chance.integers(1, 500, count), chance.integers(1, 20_000, count)
    made["fee"], made["maker_fee"] = chance.integers(0, 1_000, count), chance.integers(-500, 10, count)
    return made


def sums(facts: np.ndarray, decimals: int) -> pd.DataFrame:
    """Net lots and cash by portfolio, instrument and date, by pandas."""
    values = np.array([int(one.value(decimals)) for one in INSTRUMENTS])
    frame = pd.DataFrame({name: facts[name].astype(np.int64) for name in ("instrument", "side", "quantity", "price")})
    frame["date"] = pd.to_datetime(facts["ts"], unit="ns", utc=True).tz_convert("America/New_York").date
    sides = []
    for sign, portfolio, fee in ((1, "portfolio", "fee"), (-1, "maker_portfolio", "maker_fee")):
        one = frame.assign(portfolio=facts[portfolio].astype(np.int64))
        one["lots"] = sign * frame["quantity"] * (1 - 2 * frame["side"])
        one["cash"] = -one["lots"] * frame["price"] * values[frame["instrument"]] - facts[fee]
        sides.append(one)
    return pd.concat(sides).groupby(["portfolio", "instrument", "date"])[["lots", "cash"]].sum()


def settled(facts: np.ndarray, failures: float, seed: int, batch: int = 10_000) -> tuple[Machine, list[np.ndarray]]:
    """All that a machine says to the trades, with a custodian that fails at random, until nothing is left."""
    machine, custodian, told = Machine(INSTRUMENTS, money_decimals(INSTRUMENTS), TERMS, 3), Simulated(failures, seed), []
    dates = trade_dates(facts["ts"], "America/New_York")

    def reach(date: int) -> None:
        told.append(machine.step(command(Step.DAY, 0, date=date)[0]))
        for one in machine.due():
            told.append(machine.step(command(custodian.settle(one), 0, one.number)[0]))

    for date in np.unique(dates).tolist():
        reach(date)
        today = np.flatnonzero(dates == date)
        for at in range(0, len(today), batch):
            chosen = today[at : at + batch]
            machine.trade(facts[chosen], dates[chosen])
    date = int(dates[-1]) + 1
    while machine.open or machine.instructions:
        reach(date)
        date += 1
    return machine, told


@pytest.mark.parametrize("failures", [0.0, 0.1, 0.6])
def test_what_was_traded_is_settled_or_compensated_to_the_lot_and_the_unit_of_money(failures: float) -> None:
    facts = trades(100_000, 10, 5)
    decimals = money_decimals(INSTRUMENTS)
    _, told = settled(facts, failures, 1)
    lots, cash, kinds = Counter[tuple[int, int]](), Counter[tuple[int, int]](), Counter[str]()
    for fact in np.concatenate(told, dtype=FACT):
        kinds[Step(int(fact["kind"])).name] += 1
        if fact["kind"] in (Step.SettlementSettled, Step.SettlementCompensated):
            one = instruction_of(fact)
            lots[one.portfolio, one.instrument] += one.lots
            cash[one.portfolio, one.instrument] += one.cash
    wanted = sums(facts, decimals).groupby(["portfolio", "instrument"]).sum()
    assert {key: (lots[key], cash[key]) for key in lots} == {key: (int(row.lots), int(row.cash)) for key, row in wanted.iterrows()}
    for instrument in (0, 1):
        assert sum(count for (_, number), count in lots.items() if number == instrument) == 0
    assert sum(cash.values()) == -int(facts["fee"].sum() + facts["maker_fee"].sum())
    assert kinds["SettlementInstructed"] == kinds["SettlementSettled"] + kinds["SettlementCompensated"]
    assert (kinds["SettlementCompensated"] > 0) == (failures > 0.5)
    assert kinds["SettlementFailed"] == kinds["SettlementRetried"] + kinds["SettlementCompensated"]


def test_netting_is_that_of_pandas() -> None:
    facts = trades(20_000, 6, 9)
    _, told = settled(facts, 0, 0, batch=777)
    every = np.concatenate(told, dtype=FACT)
    made = {}
    for fact in every[every["kind"] == Step.SettlementInstructed]:
        one = instruction_of(fact)
        made[one.portfolio, one.instrument, np.datetime64(one.traded, "D").item()] = (one.lots, one.cash)
    assert made == {key: (int(row.lots), int(row.cash)) for key, row in sums(facts, money_decimals(INSTRUMENTS)).iterrows()}


def test_dates_are_those_of_the_calendar() -> None:
    # Friday 2025-12-19; Christmas 2025-12-25; Saturday counts as Monday; New Year's Eve
    given = np.array([day("2025-12-19"), day("2025-12-23"), day("2025-12-24"), day("2025-12-27"), day("2025-12-31")])
    wanted = [day(text) for text in ("2025-12-23", "2025-12-26", "2025-12-29", "2025-12-31", "2026-01-05")]
    assert settle_dates(given, Terms(2, "XNYS")).tolist() == wanted
    assert next_day(day("2025-12-24"), Terms(2, "XNYS")) == day("2025-12-26")
    assert settle_dates(given, Terms(2)).tolist() == (given + 2).tolist()


def test_a_calendar_without_the_year_is_told() -> None:
    with pytest.raises(
        SettlementError, match=r"calendar XNYS knows the days from .* to .*; what is traded on 2099-01-02 would settle 2 days later"
    ):
        settle_dates(np.array([day("2099-01-02")]), Terms(2, "XNYS"))
    with pytest.raises(SettlementError, match=r"no calendar 'XNYX'; did you mean XNYS"):
        settle_dates(np.array([day("2026-01-02")]), Terms(2, "XNYX"))


def test_a_session_beyond_its_calendar_stands_still(tmp_path: Path) -> None:
    """Its settlement says what to do, and no trade is lost: it stays where it was until somebody has mended it."""
    noon = day("2099-01-05") * DAY + 17 * 3600 * 10**9
    clock = Hand(noon, 0)

    async def live() -> None:
        async with Session(settings(**SETTLING), tmp_path, clock=clock) as session:
            await session.send([buy(1), sell(1)])
            await until(lambda: "settlement" in session.equipment.services.kept)
            kept = session.equipment.services.kept["settlement"]
            await until(lambda: kept.service.position() >= session.seq)
            shown = kept.service.ladder()
            assert shown.select("status", "settles", "quantity").rows() == [("TRADED", None, 10), ("TRADED", None, -10)]
            clock.reached = noon + DAY
            await session.send([buy(2, 5), sell(2, 5)])
            await until(lambda: kept.error)
            assert kept.error.startswith("Standstill: nothing settles from here on: calendar XNYS knows the days from ")
            assert kept.error.endswith("install a newer exchange-calendars, or name another calendar; then start the session again")
            assert session.error is None

    run(live())
    with pytest.raises(Standstill, match="nothing settles from here on"):
        rebuild("settlement", "desk", tmp_path)
    assert not (tmp_path / "live/desk/services/dead-letters.jsonl").exists()
    with (
        EventLog(tmp_path / "live/desk.settlement/log.duckdb", read_only=True) as log,
        EventLog(tmp_path / "live/desk/log.duckdb", read_only=True) as trading,
    ):
        assert set(machine_of(trading, 1, log, 1).totals().values()) == {15, -15}


def test_a_machine_that_learns_its_facts_stands_where_it_stood() -> None:
    facts = trades(2_000, 4, 2)
    dates = trade_dates(facts["ts"], "America/New_York")
    one = Machine(INSTRUMENTS, money_decimals(INSTRUMENTS), TERMS, 3)
    one.step(command(Step.DAY, 0, date=int(dates[0]))[0])
    one.trade(facts, dates)
    told = [one.step(command(Step.DAY, 0, date=int(dates[-1]))[0])]
    told += [one.step(command(Step.FAIL, 0, each.number)[0]) for each in one.due()[::2]]
    again = Machine(INSTRUMENTS, money_decimals(INSTRUMENTS), TERMS, 3)
    again.learn(np.concatenate(told, dtype=FACT))
    assert (again.instructions, again.day, again.next) == (one.instructions, one.day, one.next)
    assert one.step(command(Step.SETTLE, 0, 999_999)[0])["kind"] == Step.StepRejected


class Hand(ReplayClock):
    """A clock that the test sets."""

    def wait(self, until: int) -> float:
        return 0.01 if until > self.reached else 0.0


SETTLING = {
    "instruments": [
        {"symbol": "X", "tick": "0.01", "settle": {"days": 2, "calendar": "XNYS"}},
        {"symbol": "Y", "tick": "0.01", "settle": {"days": 1}},
    ],
    "settlement": {"custodian": "manual", "time_zone": "America/New_York", "retries": 1},
}


def test_a_session_settles_restarts_and_is_played_again(tmp_path: Path) -> None:
    noon = MONDAY + 17 * 3600 * 10**9  # Monday 12:00 in New York
    clock = Hand(noon, 0)

    async def first() -> None:
        async with Session(settings(**SETTLING), tmp_path, clock=clock) as session:
            await session.send([buy(1), sell(1), buy(2, 5), sell(2, 5), buy(3, 7, symbol="Y"), sell(3, 7, symbol="Y")])
            await until(
                lambda: "settlement" in session.equipment.services.kept and service(session, "settlement").position() >= session.seq
            )
            shown = service(session, "settlement").ladder()
            assert shown.select("portfolio", "symbol", "status", "quantity", "cash", "trades").rows() == [
                ("fund", "Y", "TRADED", 7, -700, 1),
                ("other", "Y", "TRADED", -7, 700, 1),
                ("fund", "X", "TRADED", 15, -1500, 2),
                ("other", "X", "TRADED", -15, 1500, 2),
            ]
            assert [str(one) for one in shown["settles"]] == ["2026-01-06"] * 2 + ["2026-01-07"] * 2

    async def second() -> None:
        clock.reached = noon + DAY  # no fact says so, but for the session's own
        async with Session(settings(**SETTLING), tmp_path, clock=clock) as session:
            await until(lambda: "settlement" in session.equipment.services.kept and service(session, "settlement").pending)
            one = service(session, "settlement")
            await until(lambda: getattr(one, "_ledger", None) is not None and one.pending())
            due = one.pending()
            assert [each.instrument for each in due] == [1, 1]
            assert one.send(Step.SETTLE, due[0].number, clock.reached) == ["SettlementSettled"]
            assert one.send(Step.SETTLE, due[0].number, clock.reached) == ["StepRejected"]
            assert one.send(Step.FAIL, due[1].number, clock.reached) == ["SettlementFailed", "SettlementRetried"]
            clock.reached = noon + 3 * DAY
            await until(lambda: len(one.pending()) == 3)
            failed = next(each for each in one.pending() if each.tries)
            assert one.send(Step.FAIL, failed.number, clock.reached) == ["SettlementFailed", "SettlementCompensated"]
            await until(lambda: [n["kind"] for n in session.notices].count("SettlementFailed") == 2)

    run(first())
    run(second())
    folder = tmp_path / "live" / "desk.settlement"
    with EventLog(folder / "log.duckdb", read_only=True) as log:
        assert log.verify(1).ok
        before = log.read(1)[1].tobytes()
        assert movements(log)["step"].to_list() == ["SettlementSettled", "SettlementCompensated"]
        with EventLog(tmp_path / "live" / "desk" / "log.duckdb", read_only=True) as trading:
            left = ladder(trading, 1, log)
            totals = machine_of(trading, 1, log, 1).totals()
        assert left["status"].to_list() == ["INSTRUCTED", "INSTRUCTED"]
        assert set(totals.values()) == {15, -15}
    said = rebuild("settlement", "desk", tmp_path)
    assert said["said"].endswith("facts again, the same")
    with EventLog(folder / "log.duckdb", read_only=True) as log:
        assert log.read(1)[1].tobytes() == before
        assert log.verify(1).ok


def test_other_terms_are_refused_by_name(tmp_path: Path) -> None:
    async def live(**more: object) -> list[dict[str, object]]:
        async with Session(settings(**SETTLING | more), tmp_path) as session:
            await session.send([buy(1), sell(1)])
            kept = session.equipment.services.kept
            await until(lambda: kept and (kept["settlement"].state == "failed" or service(session, "settlement").position()))
            assert session.error is None
            return [one for one in session.notices if one["kind"] == "ServiceFailed"]

    assert run(live()) == []
    failed = run(live(settlement=SETTLING["settlement"] | {"retries": 2}))
    assert "was begun with retries = 1, not 2; put the configuration back" in str(failed[0]["failure"])


class Small(Feeder):
    """Lets a service take facts in small pieces."""

    def __init__(self, one: Settlement, host: LogHost, size: int) -> None:
        super().__init__(one, host)
        self.size = size

    async def feed(self, batch: Committed) -> None:
        for at in range(0, len(batch.facts), self.size):
            piece = batch.facts[at : at + self.size]
            await super().feed(batch._replace(seqs=batch.seqs[:0], commands=batch.commands[:0], facts=piece))


def test_batches_never_change_what_settles(tmp_path: Path) -> None:
    """A log of trades, followed in pieces of different sizes, gives the same settlement log."""
    facts = trades(3_000, 5, 7)
    digests = []
    for size in (1 << 16, 97):
        folder = tmp_path / str(size) / "live" / "desk"
        folder.mkdir(parents=True)
        with EventLog(folder / "log.duckdb") as log:
            number = log.begin("desk", {}, INSTRUMENTS)

            given = commands(*({"kind": Kind.PORTFOLIO, "trader": k, "name": f"p{k}", "ts": MONDAY - 9 * DAY} for k in range(1, 8)))
            opened = np.zeros(7, FACT)
            opened["kind"], opened["seq"], opened["ts"] = Kind.PortfolioOpened, np.arange(2, 15, 2), MONDAY - 9 * DAY
            log.append(number, given, opened)
            later = facts.copy()
            later["seq"] += 14
            asked = commands(*({"kind": Kind.NEW, "ts": int(ts)} for ts in later["ts"]))
            log.append(number, asked, later, later["seq"] + 1)
            host = LogHost(folder, log, number)
            given_settings = SettlementSettings(custodian="simulated", failures=0.3, seed=4, time_zone="America/New_York")
            one = Settlement(host, given_settings, {"X": TERMS[0], "Y": TERMS[1]})
            asyncio.run(catch_up(Small(one, host, size), host))
        with EventLog(tmp_path / str(size) / "live" / "desk.settlement" / "log.duckdb", read_only=True) as made:
            read = made.read(1)
            digests.append((read[0].records.tobytes(), read[1].tobytes(), read[0].positions.tobytes()))
            assert pl.Series([int(kind) for kind in read[1]["kind"]]).n_unique() >= 6
    assert digests[0] == digests[1]


def test_side_words() -> None:
    assert (int(Side.BUY), int(Side.SELL)) == (0, 1)  # movements() reads them
