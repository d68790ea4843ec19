"""The tables of a session's file: its broker, gateway, day and market, what is traded, and by whom."""

import re
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.calendars.schedule import check_calendar as calendar_known
from data.configuration import Problems
from data.levels.queues import queue_model
from data.settlement.terms import Terms, check_calendar
from engine.messages.durations import duration_ns
from engine.messages.instrument import Instrument

Decimals = str | int | float
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
    start: Literal["beginning", "end"] = "beginning"
    """Where a new session begins on orders.commands: it carries out what came before it, for nobody else has, or leaves that alone."""
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
    traces: dict[str, Any] | None = None


class DaySettings(Part):
    """When a trading day begins and ends: on the clock of a time zone, or at each open and close of an exchange's calendar."""

    start: str = "00:00"
    end: str | None = None
    time_zone: str = "UTC"
    calendar: str | None = None
    """The exchange's MIC, such as XNYS; then `start` and `end` are its own."""

    @field_validator("calendar")
    @classmethod
    def _known(cls, given: str | None) -> str | None:
        if given is not None:
            calendar_known(given)
        return given

    @model_validator(mode="after")
    def _either(self) -> Self:
        told = self.model_fields_set & {"start", "end"}
        if self.calendar is not None and told:
            raise Problems(dict.fromkeys(sorted(told), f"is that of the calendar {self.calendar}; leave it out, or the calendar"))
        return self

    @field_validator("start", "end")
    @classmethod
    def _time(cls, given: str | None) -> str | None:
        if given is not None and not _TIME.fullmatch(given):
            raise ValueError(f"{given!r} is not a time of day; write 09:30 or 09:30:00")
        return given

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"time zone {given!r} is not known; name one such as America/New_York") from None
        return given


class SettleSettings(Part):
    """When an instrument's trades settle: so many days later, of an exchange's calendar; of all days without one."""

    days: int = Field(2, ge=0, le=60)
    calendar: str | None = None

    @field_validator("calendar")
    @classmethod
    def _calendar(cls, given: str | None) -> str | None:
        if given is not None:
            check_calendar(given)
        return given

    def terms(self) -> Terms:
        """The same for what computes with it."""
        return Terms(self.days, self.calendar)


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
    queue: str | None = None
    """Its history is of trades and levels: what leaves a level untraded, "risk-averse", "proportional" or "power:2"."""
    shard: int | None = Field(None, ge=0)
    """The shard that trades it; none says every shard. Another shard refuses its commands, and names this one."""
    settle: SettleSettings | None = None
    """When its trades settle; without it settlement leaves them alone."""

    @model_validator(mode="after")
    def _checked(self) -> Self:
        self.instrument()
        return self

    def instrument(self) -> Instrument:
        """The instrument."""
        return Instrument(**self.model_dump(exclude={"shard", "settle", "queue"}))

    @field_validator("queue")
    @classmethod
    def _queue(cls, given: str | None) -> str | None:
        if given is not None:
            queue_model(given)
        return given


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
    queue: str | None = None
    """Of a file of trades and levels: its queue model, "risk-averse" where none is named, "proportional" or "power:2"."""
    topic: bool = False
    speed: float = Field(1.0, ge=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum((self.synthetic is not None, self.file is not None, self.topic)) != 1:
            raise ValueError('name one market: synthetic = { seed = 7 }, file = "…" or topic = true')
        if self.queue is not None:
            if self.file is None:
                raise Problems(
                    {"queue": "is that of a file of trades and levels; of the topic each instrument names its own: [[instruments]] queue"}
                )
            queue_model(self.queue)
        return self
