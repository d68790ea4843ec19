"""A session's configuration: one TOML file, checked as a whole before anything starts."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.configuration import Configuration, ConfigurationError, Problems, read_toml
from engine.messages.commands import Limits, Rules
from engine.messages.durations import duration_ns
from engine.messages.instrument import Instrument, money_decimals

Decimals = str | int | float
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")


class Part(BaseModel):
    """A table of the file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerSettings(Part):
    """Where commands come from and facts go: nowhere but this process, or Apache Kafka."""

    kind: Literal["memory", "kafka"] = "memory"
    servers: str = "127.0.0.1:9092"
    shard: int = Field(0, ge=0)
    shards: int = Field(1, ge=1)
    exactly_once: bool = False
    publish: bool | None = None
    patience: str = "60s"
    removed: Literal["stop", "skip"] = "stop"
    """Where retention removed commands before the session took them: stop and say so, or go on behind them and say so."""
    security: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.shard >= self.shards:
            raise Problems({"shard": f"{self.shard} is not below shards = {self.shards}; shards are counted from 0"})
        duration_ns(self.patience)
        return self


class GatewaySettings(Part):
    """Where clients connect."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    tls: dict[str, str] | None = None
    auth: dict[str, Any] | None = None
    metrics_port: int | None = Field(None, ge=0, le=65535)
    origins: list[str] | None = None
    rates: dict[str, Any] | None = None
    clients: list[dict[str, Any]] | None = None


class DaySettings(Part):
    """When a trading day begins and ends, on the clock of a time zone."""

    start: str = "00:00"
    end: str | None = None
    time_zone: str = "UTC"

    @field_validator("start", "end")
    @classmethod
    def _time(cls, given: str | None) -> str | None:
        if given is not None and not _TIME.fullmatch(given):
            raise ValueError(f"{given!r} is no time of day; write 09:30 or 09:30:00")
        return given

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"time zone {given!r} is not known; name one such as America/New_York") from None
        return given


class InstrumentSettings(Part):
    """The arguments of `Instrument`."""

    symbol: str
    tick: Decimals
    lot: Decimals = "1"
    price_unit: Decimals | None = None
    currency: str = "USD"
    multiplier: Decimals = 1
    maker_fee: Decimals = 0
    taker_fee: Decimals = 0
    negative_prices: bool = False
    shard: int | None = Field(None, ge=0)
    """The shard that trades it; none says every shard. Another shard refuses its commands, and names this one."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        self.instrument()
        return self

    def instrument(self) -> Instrument:
        """The instrument."""
        return Instrument(**self.model_dump(exclude={"shard"}))


class LimitSettings(Part):
    """The arguments of `Limits`."""

    max_position: Decimals | None = None
    max_exposure: Decimals | None = None
    max_daily_loss: Decimals | None = None
    max_leverage: Decimals | None = None
    cash_account: bool = False


class PortfolioSettings(Part):
    """A portfolio, what it has at the start, and its risk limits."""

    name: str = Field(min_length=1, max_length=40)
    cash: Decimals = 0
    limits: LimitSettings | None = None


class RuleSettings(Part):
    """The arguments of `Rules`."""

    restricted: list[str] = Field(default_factory=list)
    max_order_quantity: Decimals | None = None
    max_order_notional: Decimals | None = None
    price_collar: Decimals | None = None
    short_sale: bool = True
    order_rate: Decimals | None = None


class TraderSettings(Part):
    """A trader, the portfolios it may trade for, and its compliance rules."""

    name: str = Field(min_length=1, max_length=40)
    portfolios: list[str] = Field(default_factory=list)
    silent_after: str | None = None
    rules: RuleSettings | None = None

    @field_validator("silent_after")
    @classmethod
    def _duration(cls, given: str | None) -> str | None:
        if given is not None and duration_ns(given) <= 0:
            raise ValueError("give a time above 0, like 5s")
        return given


class StrategySettings(Part):
    """A strategy of the session: its name is that of its trader."""

    name: str = Field(min_length=1, max_length=40)
    strategy: str
    portfolio: str
    set: dict[str, Any] = Field(default_factory=dict)


class MarketSettings(Part):
    """A market beside the participants: synthetic, a file or log that is replayed, or the topic market-history."""

    synthetic: dict[str, Any] | None = None
    file: str | None = None
    symbol: str | None = None
    topic: bool = False
    speed: float = Field(1.0, ge=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum((self.synthetic is not None, self.file is not None, self.topic)) != 1:
            raise ValueError('name one market: synthetic = { seed = 7 }, file = "…" or topic = true')
        return self


class SessionSettings(Configuration):
    """A session's configuration."""

    name: str
    broker: BrokerSettings = BrokerSettings()
    gateway: GatewaySettings = GatewaySettings()
    day: DaySettings | None = None
    instruments: list[InstrumentSettings] = Field(default_factory=list)
    portfolios: list[PortfolioSettings] = Field(default_factory=list)
    traders: list[TraderSettings] = Field(default_factory=list)
    strategies: list[StrategySettings] = Field(default_factory=list)
    market: MarketSettings | None = None
    snapshot_every: int = Field(1 << 20, ge=1)
    notifications: list[dict[str, Any]] = Field(default_factory=list)

    @field_validator("name")
    @classmethod
    def _name(cls, given: str) -> str:
        if not _NAME.fullmatch(given):
            raise ValueError(f"{given!r} cannot name a folder; take letters, digits, '.', '_' and '-', up to 64")
        return given

    @model_validator(mode="after")
    def _checked(self) -> Self:
        found = dict(self._unknown())
        for what, names in (
            ("instruments", [one.symbol for one in self.instruments]),
            ("portfolios", [one.name for one in self.portfolios]),
            ("traders", [one.name for one in self.traders] + [one.name for one in self.strategies]),
        ):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                found[what] = f"{twice!r} is named twice; give each a name of its own"
        if not self.listed() and (self.market is None or self.market.topic):
            found["instruments"] = "there is none; list what is traded here, as [[instruments]] with symbol and tick"
        for one in self.instruments:
            if one.shard is not None and one.shard >= self.broker.shards:
                found["instruments"] = (
                    f"{one.symbol}: shard {one.shard} is not below shards = {self.broker.shards}; shards are counted from 0"
                )
        if self.market is not None and self.market.topic and self.broker.kind == "memory" and self.broker.publish is None:
            found["market"] = 'the topic market-history lies on a broker; name one: broker = { kind = "kafka", servers = "…" }'
        if found:
            raise Problems(found)
        money_decimals([one.instrument() for one in self.instruments])
        return self

    def _unknown(self) -> Mapping[str, str]:
        known = {one.name for one in self.portfolios}
        found = {}
        for trader in self.traders:
            for name in trader.portfolios:
                if name not in known:
                    found["traders"] = f"{trader.name}: no portfolio {name!r}; there are {', '.join(sorted(known)) or 'none'}"
        for one in self.strategies:
            if one.portfolio not in known:
                found["strategies"] = f"{one.name}: no portfolio {one.portfolio!r}; there are {', '.join(sorted(known)) or 'none'}"
        return found

    def listed(self) -> list[InstrumentSettings]:
        """The instruments of this shard."""
        return [one for one in self.instruments if one.shard in (None, self.broker.shard)]

    def elsewhere(self) -> dict[str, int]:
        """Symbol to shard, of the instruments that another shard trades."""
        return {one.symbol: one.shard for one in self.instruments if one.shard not in (None, self.broker.shard)}

    def cash(self) -> dict[str, Decimals]:
        """Portfolio to currency at the start."""
        return {one.name: one.cash for one in self.portfolios}

    def limits(self) -> dict[str, Limits]:
        """Portfolio to its risk limits."""
        return {one.name: Limits(**one.limits.model_dump()) for one in self.portfolios if one.limits is not None}

    def rules(self) -> dict[str, Rules]:
        """Trader to its compliance rules."""
        return {one.name: Rules(**one.rules.model_dump()) for one in self.traders if one.rules is not None}


def read_settings(path: Path | str, **options: Any) -> SessionSettings:
    """The configuration in a TOML file. `${NAME}` in a text is that environment variable. Raises ConfigurationError with every problem."""
    document = read_toml(Path(path))
    missing: list[str] = []
    filled = document._replace(values=_filled(document.values, missing))
    if missing:
        mend = "is not set; export it, or write the value into a file"
        raise ConfigurationError([f"{path}: the environment variable {name} {mend}" for name in missing])
    return SessionSettings.read(filled, options)


def _filled(value: Any, missing: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, missing) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, missing) for one in value]
    if not isinstance(value, str):
        return value

    def found(match: re.Match[str]) -> str:
        name = match[1]
        if name not in os.environ:
            missing.append(name)
        return os.environ.get(name, "")

    return re.sub(r"\$\{(\w+)\}", found, value)
