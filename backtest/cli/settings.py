"""What a backtest is told, from the command line or a TOML file: the same names, checked once."""

import difflib
import importlib
import sys
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.strategy.strategy import Strategy

EXAMPLES = ("MarketMaker", "FastMarketMaker", "ImbalanceTaker", "FastImbalanceTaker")
FEED_OPTIONS = {"lobster": ("orderbook", "symbol", "date", "tick"), "synthetic": ("seed", "messages", "date", "tick")}


@dataclass
class Settings:
    """Every field is an option of `tapebook backtest` and a key of its TOML file; None is the default of `Backtest`."""

    data: str | None = None
    format: str | None = None
    orderbook: str | None = None
    symbol: str | None = None
    date: str | None = None
    tick: str | None = None
    messages: int | None = None
    strategy: str = "MarketMaker"
    set: dict[str, Any] = field(default_factory=dict)
    cash: str | None = None
    feed_latency: str | None = None
    order_latency: str | None = None
    response_latency: str | None = None
    maker_fee: str | None = None
    taker_fee: str | None = None
    start: str | None = None
    end: str | None = None
    warm_up: str | None = None
    seed: int | None = None
    out: str = ".tapebook"

    def feed(self) -> Any:
        """The feed that the settings name."""
        from data.formats import open_feed, reader

        form = self.format or ("synthetic" if self.data is None else "lobster")
        reader(form)
        if form == "synthetic" and self.data is not None:
            raise ValueError("--data and the synthetic market exclude each other; say --format lobster, or leave --data out")
        if form != "synthetic" and self.data is None:
            raise ValueError(f"format {form} needs --data FILE")
        for name in dict.fromkeys(name for names in FEED_OPTIONS.values() for name in names):
            if name not in (*FEED_OPTIONS[form], "seed") and getattr(self, name) is not None:
                raise ValueError(f"{name} says nothing to format {form}; leave it out")
        return open_feed(form, self.data, **{name: getattr(self, name) for name in FEED_OPTIONS[form]})

    def backtest(self) -> Any:
        """The backtest that the settings describe. Raises ValueError or DataError with what is wrong and the mend."""
        from backtest.run import Backtest

        strategy = load_strategy(self.strategy)(**self.set)
        names = ("cash", "feed_latency", "order_latency", "response_latency", "maker_fee", "taker_fee", "start", "end", "warm_up", "seed")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return Backtest(self.feed(), strategy, **given)


def read_settings(path: Path) -> dict[str, Any]:
    """Keys of a TOML file. Raises ValueError naming file, line or key."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}; name a TOML file with the options of `tapebook backtest`") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    known = [f.name for f in fields(Settings)]
    for key, value in said.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise ValueError(f"{path}: unknown key {key!r}; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"))
        said[key] = _as_option(path, key, value)
    return said


def _as_option(path: Path, key: str, value: Any) -> Any:
    """A value of a TOML file as the command line would give it. Raises ValueError where it is of another sort."""
    wanted = next(str(f.type) for f in fields(Settings) if f.name == key)
    if wanted.startswith("dict"):
        if isinstance(value, dict):
            return value
        raise ValueError(f"{path}: {key} is {value!r}; write it as a table, like [set] with spread = 4 below it")
    whole = wanted.startswith("int")
    if isinstance(value, dict | list | bool) or (whole and not isinstance(value, int)):
        raise ValueError(f"{path}: {key} is {value!r}; it must be {'a whole number' if whole else 'a text or a number'}")
    return value if whole else str(value)


def settings(file: Path | None, options: dict[str, Any]) -> Settings:
    """Settings from a TOML file, options of the command line on top."""
    said = read_settings(file) if file is not None else {}
    chosen = {**said.pop("set", {}), **options.pop("set", {})}
    made = Settings(**{**said, **{name: value for name, value in options.items() if value is not None}})
    made.set = chosen
    return made


def load_strategy(name: str) -> type[Strategy]:
    """A strategy class: an example's name, or "module:Class" (modules of the current folder, too). Raises ValueError with the mend."""
    if ":" not in name:
        if name not in EXAMPLES:
            near = difflib.get_close_matches(name, EXAMPLES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"write module:Class, or one of {', '.join(EXAMPLES)}"
            raise ValueError(f"unknown strategy {name!r}; {hint}")
        return getattr(importlib.import_module("engine.strategy.examples"), name)
    module_name, _, class_name = name.partition(":")
    if not module_name or not class_name:
        raise ValueError(f"strategy {name!r} is not written module:Class, like mine:Maker")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"strategy {name}: no module {error.name!r} in {Path.cwd()} or among the installed packages") from None
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        classes = [k for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, Strategy) and v is not Strategy]
        near = difflib.get_close_matches(class_name, classes, n=1)
        hint = f"did you mean {near[0]}?" if near else f"its strategies are {', '.join(classes) or 'none'}"
        raise ValueError(f"strategy {name}: {module_name} has no strategy {class_name!r}; {hint}")
    return found


def assignment(text: str) -> tuple[str, Any]:
    """`name=value` of a --set option."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"--set {text}: write name=value")
    return name.strip(), value.strip()
