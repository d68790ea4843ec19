"""A session's configuration: one TOML file, checked as a whole before anything starts."""

import os
import re
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from data.configuration import Configuration, ConfigurationError, Key, Problems, read_toml
from engine.messages.commands import Limits, Rules
from engine.messages.hints import did_you_mean
from engine.messages.instrument import money_decimals
from live.configuration.services import NotificationSettings, SettlementSettings, SurveillanceSettings, TargetSettings, target_problems
from live.configuration.streams import StreamsSettings
from live.configuration.tables import (
    BrokerSettings,
    DaySettings,
    Decimals,
    GatewaySettings,
    InstrumentSettings,
    MarketSettings,
    PortfolioSettings,
    StrategySettings,
    TraderSettings,
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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
    streams: StreamsSettings | None = None
    snapshot_every: int = Field(1 << 20, ge=1)
    notifications: list[NotificationSettings] = Field(default_factory=list)
    targets: list[TargetSettings] = Field(default_factory=list)
    settlement: SettlementSettings | None = None
    surveillance: SurveillanceSettings | None = None

    @field_validator("name")
    @classmethod
    def _name(cls, given: str) -> str:
        if not _NAME.fullmatch(given):
            raise ValueError(f"{given!r} cannot name a folder; take letters, digits, '.', '_' and '-', up to 64")
        return given

    @model_validator(mode="after")
    def _checked(self) -> Self:
        found: dict[str | Key, str] = {**self._unknown(), **self._twice(), **target_problems(self)}
        if not self.listed() and (self.market is None or self.market.topic):
            found["instruments"] = "there is none; list what is traded here, as [[instruments]] with symbol and tick"
        for k, one in enumerate(self.instruments):
            if one.shard is not None and one.shard >= self.broker.shards:
                most = f"shards = {self.broker.shards}; shards are counted from 0"
                found["instruments", k, "shard"] = f"{one.symbol}: shard {one.shard} is not below {most}"
        if self.market is not None and self.market.topic and self.broker.kind == "memory" and self.broker.publish is None:
            found["market"] = 'the topic market-history lies on a broker; name one: broker = { kind = "kafka", servers = "…" }'
        if found:
            raise Problems(found)
        money_decimals([one.instrument() for one in self.instruments])
        return self

    def _twice(self) -> dict[str | Key, str]:
        """Names that somebody before has."""
        found: dict[str | Key, str] = {}
        traders = [(("traders", k), one.name) for k, one in enumerate(self.traders)]
        for named in (
            [(("instruments", k), one.symbol) for k, one in enumerate(self.instruments)],
            [(("portfolios", k), one.name) for k, one in enumerate(self.portfolios)],
            traders + [(("strategies", k), one.name) for k, one in enumerate(self.strategies)],
        ):
            seen: set[str] = set()
            for key, name in named:
                if name in seen:
                    found[key] = f"{name!r} is named twice; give each a name of its own"
                seen.add(name)
        return found

    def _unknown(self) -> dict[str | Key, str]:
        """Portfolios that are named and not listed."""
        known = [one.name for one in self.portfolios]
        named = [(("traders", k, "portfolios"), name) for k, one in enumerate(self.traders) for name in one.portfolios]
        named += [(("strategies", k, "portfolio"), one.portfolio) for k, one in enumerate(self.strategies)]
        return {
            key: f"no portfolio {name!r}; {did_you_mean(name, known, 'there are ' + (', '.join(known) or 'none'))}"
            for key, name in named
            if name not in known
        }

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
