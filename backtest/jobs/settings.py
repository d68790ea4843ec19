"""What a job's TOML file says: its steps, its gates, whom it tells. Checked as a whole, every problem with its line."""

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from backtest.analysis.definitions import BY_NAME
from backtest.cli.settings import Duration, Folder, Settings, Table, Text, Texts, Whole
from backtest.sweep.space import SweepError, parsed
from data.configuration import Configuration, Problems, nested, read_toml
from data.times import zone_of
from engine.errors import TapebookError
from engine.messages.hints import did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DATE = re.compile(r"\{date(?::([^{}]*))?\}")


class JobError(TapebookError, ValueError):
    """A job that cannot be run as its file says, with the mend."""


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} cannot name a folder: use letters, digits, - and _, at most 64")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _figure(value: str) -> str:
    if value not in BY_NAME:
        raise ValueError(f"unknown figure {value!r}; {did_you_mean(value, BY_NAME, '`tapebook explain` lists them')}")
    return value


def _zone(value: str) -> str:
    zone_of(value)
    return value


Name = Annotated[Text, AfterValidator(_name)]
Real = Annotated[float, BeforeValidator(_number)]
Figure = Annotated[Text, AfterValidator(_figure)]
Zone = Annotated[Text, AfterValidator(_zone)]


class BacktestStep(Settings):
    """A backtest: the keys of `tapebook backtest`, and a name."""

    name: Name


class SweepStep(Settings):
    """A sweep: the keys of `tapebook backtest`, a name, and what is tried."""

    name: Name
    grid: Table = Field(default_factory=dict)
    method: Literal["grid", "random", "optuna"] = "grid"
    runs: Whole = 100
    chance: Whole = 0
    target: Figure = "sharpe"
    processes: Whole = 1

    @field_validator("grid")
    @classmethod
    def _values(cls, grid: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in grid.items():
            try:
                if isinstance(value, str) and value.count("..") != 1:
                    parsed(value)
            except SweepError as error:
                found[name] = str(error)
        if found:
            raise Problems(found)
        return grid


class NotebookStep(Configuration):
    """A notebook that is run with parameters (`set`) and shown as HTML, after backtests and sweeps."""

    name: Name
    notebook: Text
    set: Table = Field(default_factory=dict)


class Gate(Configuration):
    """What must hold of a step, else the job fails: a figure's bounds, its fall, or the same fills as the pinned date."""

    step: Text | None = None
    figure: Figure | None = None
    least: Real | None = None
    most: Real | None = None
    fall: Real | None = None
    against: Literal["previous", "pinned"] = "previous"
    fills: Literal["pinned", "previous"] | None = None
    luck: Literal["holds"] | None = None

    @field_validator("fall")
    @classmethod
    def _fall(cls, value: float) -> float:
        if value < 0:
            raise ValueError("a fall is written without its sign, like fall = 0.5")
        return value


class Notify(Configuration):
    """Whom the job tells. A webhook is signed where `secret_env` names an environment variable that holds its secret."""

    webhook: Text | None = None
    secret_env: Text | None = None
    email: Texts = Field(default_factory=list)
    smtp: Text = "localhost:25"
    sender: Text = "tapebook@localhost"
    when: Literal["failure", "always"] = "failure"

    @field_validator("webhook")
    @classmethod
    def _address(cls, value: str) -> str:
        if not re.match(r"https?://[^\s/]+", value):
            raise ValueError(f"{value!r} is not an address; write https://…")
        return value


class JobSettings(Configuration):
    """Every key of a job's file."""

    name: Name
    out: Folder = ".tapebook"
    time_zone: Zone = "UTC"
    timeout: Duration | None = None
    retries: Whole = 1
    backtests: list[Any] = Field(default_factory=list)
    sweeps: list[Any] = Field(default_factory=list)
    notebooks: list[Any] = Field(default_factory=list)
    gates: list[Any] = Field(default_factory=list)
    notify: Any = None

    @field_validator("backtests", "sweeps", "notebooks", "gates")
    @classmethod
    def _tables(cls, tables: list[Any], info: ValidationInfo) -> list[Any]:
        models: dict[str, type[Configuration]] = {
            "backtests": BacktestStep,
            "sweeps": SweepStep,
            "notebooks": NotebookStep,
            "gates": Gate,
        }
        made: list[Any] = []
        found: dict[Any, str] = {}
        model = models[str(info.field_name)]
        for k, table in enumerate(tables):
            try:
                made.append(nested(model, table))
            except Problems as error:
                found |= {(k, *(key if isinstance(key, tuple) else (key,))): what for key, what in error.found.items()}
        if found:
            raise Problems(found)
        return made

    @field_validator("notify")
    @classmethod
    def _whom(cls, table: Any) -> Notify:
        made: Notify = nested(Notify, table)
        return made

    @field_validator("retries")
    @classmethod
    def _tries(cls, value: int) -> int:
        if not 0 <= value <= 100:
            raise ValueError(f"{value} is not between 0 and 100")
        return value

    @property
    def steps(self) -> list[BacktestStep | SweepStep | NotebookStep]:
        """Backtests, then sweeps, then notebooks, as they stand in the file."""
        return [*self.backtests, *self.sweeps, *self.notebooks]


def read_job(path: Path, date: datetime.date) -> JobSettings:
    """A job's file for a date: {date} in its texts is the date, {date:%Y%m%d} as strftime writes it.

    Raises ConfigurationError with every problem at once, JobError for a file without steps or with a name that stands there twice.
    """
    document = read_toml(path)
    document = document._replace(values=_dated(document.values, date))
    made = JobSettings.read(document, {})
    names = [step.name for step in made.steps]
    if not names:
        raise JobError(f"{path}: has no step; write [[backtests]], [[sweeps]] or [[notebooks]]")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise JobError(f"{path}: two steps are called {twice!r}; give each a name of its own")
    for k, gate in enumerate(made.gates):
        where = document.place(("gates", k))
        if gate.step is not None and gate.step not in names:
            raise JobError(f"{where}: no step {gate.step!r}; {did_you_mean(gate.step, names, 'there are ' + ', '.join(names))}")
        bounds = [gate.least, gate.most, gate.fall]
        if (gate.figure is None) != all(one is None for one in bounds):
            raise JobError(f"{where}: a figure goes with least, most or fall, and these with a figure")
        if gate.figure is None and gate.fills is None and gate.luck is None:
            raise JobError(f'{where}: says nothing; write figure and fall, fills = "pinned", or luck = "holds"')
    return made


def _dated(value: Any, date: datetime.date) -> Any:
    if isinstance(value, str):
        return _DATE.sub(lambda found: date.strftime(found[1]) if found[1] else date.isoformat(), value)
    if isinstance(value, dict):
        return {key: _dated(one, date) for key, one in value.items()}
    return [_dated(one, date) for one in value] if isinstance(value, list) else value


def today(path: Path) -> datetime.date:
    """The date by the clock that the file names."""
    zone = read_toml(path).values.get("time_zone", "UTC")
    return datetime.datetime.now(zone_of(zone if isinstance(zone, str) else "UTC")).date()
