"""The settings of a backtest, from the command line or a TOML file: the same names, checked once."""

import functools
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from data.calendars.feed import in_sessions
from data.calendars.schedule import check_calendar
from data.configuration import Configuration, Problems, read_toml
from data.formats import days, open_feed, reader
from data.levels.queues import queue_model
from data.times import moment
from data.venues.fees import fees
from data.which_format import format_of
from engine.messages.durations import duration_ns
from engine.messages.instrument import decimal
from engine.strategy.load import StrategyError, load_strategy
from engine.strategy.parameters import set_parameters
from engine.strategy.strategy import Strategy

_TABLE = ("symbol", "tick", "lot", "time_zone")
FEED_OPTIONS = {
    "bars": (*_TABLE, "repair"),
    "binance": ("symbol", "tick", "lot", "repair"),
    "catalog": ("symbol", "kind"),
    "dbn": ("symbol", "tick", "repair"),
    "hftbacktest": ("symbol", "tick", "lot", "repair"),
    "itch": ("symbol", "date", "tick", "time_zone", "repair"),
    "lobster": ("orderbook", "symbol", "date", "tick", "time_zone"),
    "log": (),
    "synthetic": ("seed", "messages", "date", "tick"),
    "table": (*_TABLE, "kind", "columns", "repair"),
}
"""Options of `tapebook backtest` that each format has."""
OPTIONS = (
    *("cash", "feed_latency", "order_latency", "response_latency", "queue", "fill", "volume_share"),
    *("maker_fee", "taker_fee", "fees", "start", "end", "warm_up", "seed"),
)
"""Settings that are arguments of `Backtest`."""


def _text(value: Any) -> str:
    if isinstance(value, dict | list | bool):
        raise ValueError(f"{value!r} is neither a text nor a number")
    return str(value)


def _texts(value: Any) -> list[str]:
    if value == []:
        raise ValueError("is an empty list; name a file or a folder")
    return [_text(one) for one in (value if isinstance(value, list) else [value])]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a table; write [set] with spread = 4 below it")
    return value


def _duration(value: str) -> str:
    duration_ns(value)
    return value


def _time_of_day(value: str) -> str:
    moment(value, 0, "UTC")
    return value


def _amount(value: str) -> str:
    try:
        decimal(value)
    except ValueError as error:
        raise ValueError(str(error).partition(": ")[2]) from None
    return value


def _folder(value: str) -> str:
    if Path(value).exists() and not Path(value).is_dir():
        raise ValueError(f"{value} is a file; name a folder")
    return value


def _queue(value: str) -> str:
    queue_model(value)
    return value


def _fees(value: str) -> str:
    fees(value)
    return value


def _calendar(value: str) -> str:
    check_calendar(value)
    return value


def _strategy(value: str) -> str:
    load_strategy(value)
    return value


def _columns(value: Any) -> dict[str, str]:
    """`ours=theirs` pairs, from the command line or as a table."""
    if isinstance(value, dict):
        return {str(ours): str(theirs) for ours, theirs in value.items()}
    return dict(assignment(text) for text in _texts(value))


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[list[str], BeforeValidator(_texts)]
Whole = Annotated[int, BeforeValidator(_whole)]
Columns = Annotated[dict[str, str], BeforeValidator(_columns)]
Table = Annotated[dict[str, Any], BeforeValidator(_table)]
Duration = Annotated[Text, AfterValidator(_duration)]
TimeOfDay = Annotated[Text, AfterValidator(_time_of_day)]
Amount = Annotated[Text, AfterValidator(_amount)]
Folder = Annotated[Text, AfterValidator(_folder)]
QueueModel = Annotated[Text, AfterValidator(_queue)]
FeesName = Annotated[Text, AfterValidator(_fees)]
CalendarName = Annotated[Text, AfterValidator(_calendar)]
StrategyName = Annotated[Text, AfterValidator(_strategy)]


class Settings(Configuration):
    """Every field is an option of `tapebook backtest` and a key of its TOML file; None is the default of `Backtest`."""

    data: Texts | None = None
    format: Text | None = None
    orderbook: Text | None = None
    symbol: Text | None = None
    date: Text | None = None
    tick: Text | None = None
    lot: Text | None = None
    kind: Text | None = None
    columns: Columns | None = None
    time_zone: Text | None = None
    repair: bool | None = None
    calendar: CalendarName | None = None
    messages: Whole | None = None
    strategy: StrategyName = "MarketMaker"
    set: Table = Field(default_factory=dict)
    cash: Amount | None = None
    feed_latency: Duration | None = None
    order_latency: Duration | None = None
    response_latency: Duration | None = None
    queue: QueueModel | None = None
    fill: Text | None = None
    volume_share: Amount | None = None
    maker_fee: Amount | None = None
    taker_fee: Amount | None = None
    fees: FeesName | None = None
    start: TimeOfDay | None = None
    end: TimeOfDay | None = None
    warm_up: Duration | None = None
    seed: Whole | None = None
    out: Folder = ".tapebook"

    @field_validator("format")
    @classmethod
    def _format_and_data(cls, form: str, info: ValidationInfo) -> str:
        reader(form)
        named = info.data.get("data") is not None
        if form == "synthetic" and named:
            raise ValueError("--data and the synthetic market exclude each other; say --format lobster, or leave --data out")
        if form != "synthetic" and not named and "data" in info.data:
            raise ValueError(f"format {form} needs --data FILE")
        return form

    @field_validator("orderbook", "symbol", "date", "tick", "lot", "kind", "columns", "time_zone", "repair", "messages")
    @classmethod
    def _of_the_format(cls, value: Any, info: ValidationInfo) -> Any:
        form = _form(info.data)
        if form in FEED_OPTIONS and info.field_name not in FEED_OPTIONS[form]:
            others = " or ".join(other for other, names in FEED_OPTIONS.items() if info.field_name in names)
            raise ValueError(f"applies only to {others} data; leave it out")
        return value

    @field_validator("set")
    @classmethod
    def _of_the_strategy(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        kind = load_strategy(info.data["strategy"]) if "strategy" in info.data else None
        if kind is None or kind.__init__ is not Strategy.__init__:  # one with arguments of its own checks them itself
            return values
        found = {}
        for name, value in values.items():
            try:
                set_parameters(object.__new__(kind), {name: value})
            except ValueError as error:
                found[name] = str(error)
        if found:
            raise Problems(found)
        return values

    def feed(self) -> Any:
        """The feed that the settings name: of several files, or of a folder, their days one after the other; by a calendar's sessions."""
        found = self._recorded()
        return found if self.calendar is None else in_sessions(found, self.calendar)

    def _recorded(self) -> Any:
        form = _form(self.__dict__)
        assert form is not None
        options = {name: getattr(self, name) for name in FEED_OPTIONS[form]}
        if not self.data:
            return open_feed(form, **options)
        if form == "catalog":
            return open_feed(form, self.data[0], **options)
        return days(self.data if len(self.data) > 1 else self.data[0], form, **options)

    def backtest(self) -> Any:
        """The backtest that the settings describe. Raises ValueError or DataError with what is wrong and the mend."""
        from backtest.run import Backtest

        strategy = load_strategy(self.strategy)(**self.set)
        given = {name: getattr(self, name) for name in OPTIONS if getattr(self, name) is not None}
        return Backtest(self.feed(), strategy, **given)


def _form(values: dict[str, Any]) -> str | None:
    """The format, said or understood; None where what was said of it is wrong."""
    if not {"data", "format"} <= set(values):
        return None
    if values["format"] or values["data"] is None:
        return values["format"] or "synthetic"
    return _format_of(values["data"][0], tuple(sorted((values.get("columns") or {}).items())))


@functools.lru_cache(maxsize=64)
def _format_of(file: str, columns: tuple[tuple[str, str], ...]) -> str:
    """The format of a file, by its first bytes; LOBSTER's of a folder or a pattern, and of what is not there, which reading says."""
    path = Path(file)
    return format_of(path, {"columns": dict(columns)}) if path.is_file() else "lobster"


def settings(file: Path | None, options: dict[str, Any]) -> Settings:
    """Settings from a TOML file, options of the command line on top. Raises ConfigurationError with everything that is wrong."""
    document = read_toml(file) if file is not None else None
    given = {name: value for name, value in options.items() if value not in (None, {}, [])}
    name = given.get("strategy", document.values.get("strategy") if document else None)
    with suppress(StrategyError):  # said below, with its place; what the user's own module raises is passed on as it is
        if isinstance(name, str):
            load_strategy(name)
    return Settings.read(document, given)


def assignment(text: str) -> tuple[str, Any]:
    """`name=value` of a --set option."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"--set {text}: write name=value")
    return name.strip(), value.strip()
