"""The exchange as Python sees it: commands in, facts out, and what the facts say."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from engine.compiler.lazy_kernels import load_needed
from engine.errors import TapebookError
from engine.frames.exchange_card import exchange_card, exchange_line
from engine.frames.queries import Reading
from engine.messages.columns import encode_columns
from engine.messages.commands import Command, Limits
from engine.messages.encoding import encode, encode_cash
from engine.messages.instrument import MONEY_DECIMALS_MIN, Instrument, Number, money_decimals
from engine.messages.names import Names, open_session, read_terms
from engine.messages.records import COMMAND, read_name
from engine.messages.vocabulary import Kind, Reason
from engine.state import growth
from engine.state.arrays import Capacity, State, empty_state
from engine.state.book import Book
from engine.state.digest import digest
from engine.state.tape import Tape, read_only
from engine.step import names_row, run


class Alone:
    """Lets in one thread at a time; who comes meanwhile is refused. Taking an element off a list is one step for Python's threads."""

    def __init__(self) -> None:
        self._turn = [None]

    def __enter__(self) -> None:
        try:
            self._turn.pop()
        except IndexError:
            raise TapebookError("another thread is using this exchange; give each thread its own, or send from one") from None

    def __exit__(self, *_: object) -> None:
        self._turn.append(None)


class Exchange(Reading):
    """An exchange of many instruments, portfolios and traders.

    `cash`: portfolio name to currency, deposited at the start; `limits`: risk limits by portfolio; `reserve`: room for that many
    facts (half as many orders' ids, a 64th as many live orders), touched in advance; `history_facts`: build facts about history's
    own orders, too; `session_limits`: largest number of live `orders`, `portfolios`, `traders`, `instruments`; `open_now=False`: the
    caller carries out `opening` itself; `keep_facts=False`: each run's facts are there until the next one, and read models are not.

    One thread at a time: a second one that sends or runs meanwhile gets a TapebookError, and nothing of its commands is carried out.
    """

    _keeps = True
    _learned = 0

    def __init__(
        self,
        instruments: Iterable[Instrument] = (),
        cash: Mapping[str, Number] | None = None,
        limits: Mapping[str, Limits] | None = None,
        reserve: int = 0,
        *,
        history_facts: bool = False,
        session_limits: dict[str, int] | None = None,
        open_now: bool = True,
        keep_facts: bool = True,
    ) -> None:
        self._keeps = keep_facts
        self.names = Names(instruments)
        self.decimals = money_decimals(self.instruments)
        self._start(reserve, history_facts)
        parts = [open_session(self.instruments, self.decimals, session_limits)]
        parts += encode_cash(cash or {}, self.names, self.decimals)
        for portfolio, limit in (limits or {}).items():
            parts.append(self.encode(Command(Kind.SET_LIMITS, portfolio=portfolio, more=limit)))
        self.opening = np.concatenate(parts)
        if open_now:
            self._open()

    def _open(self) -> None:
        facts = self.run(self.opening)
        refused = facts[facts["kind"] == Kind.CommandRejected]
        if len(refused):
            raise ValueError(f"the session could not open: {Reason(int(refused['reason'][0])).name}")

    def _start(self, reserve: int, history_facts: bool) -> None:
        capacity = Capacity(
            instruments=max(1, len(self.names.instruments)),
            ids=growth.above(max(reserve * 4 // 5 - 1, 1 << 11)),
            orders=growth.above(max(reserve // 64, 1 << 9)),
        )
        self.state = empty_state(capacity)
        self.state.session["history_facts"] = history_facts
        if reserve:  # touch the memory now, not in the run
            for array in (self.state.ids["slot"], self.state.orders["pending"], self.state.nodes["quantity"][-len(self.state.orders) :]):
                array[:] = 0
        self._tape, self._alone = Tape(reserve), Alone()

    @classmethod
    def from_commands(cls, commands: np.ndarray, *, history_facts: bool = False) -> "Exchange":
        """Replay a session from its first command on; names and instruments come from the commands themselves."""
        made = cls.__new__(cls)
        made.names = Names(())
        made.decimals = MONEY_DECIMALS_MIN
        made._start(0, history_facts)
        made.opening = commands[:0]
        made.run(commands)
        return made

    @classmethod
    def restored(cls, state: State, tape: Tape) -> "Exchange":
        """An exchange in a state, which has its names; its facts so far lie on `tape`."""
        made = cls.__new__(cls)
        made.state, made.names = state, Names(())
        made.opening = np.empty(0, COMMAND)
        made._tape, made._alone = tape, Alone()
        made.learn()
        return made

    def twin(self) -> "Exchange":
        """A copy that goes its own way: what it is sent leaves this one as it is. It has none of the facts so far, and keeps those of its
        last run alone."""
        made = copy.copy(self)
        made.names, made._keeps, made._tape = copy.deepcopy(self.names), False, Tape(0)
        made.state = self.state.copy()
        return made

    @property
    def facts(self) -> np.ndarray:
        """Every fact so far, in the order of `seq`. Raises ValueError where the exchange keeps none."""
        if not self._keeps:
            raise ValueError(
                "this exchange was opened with keep_facts=False: it has the facts of its last run alone; ask a log for the rest"
            )
        return self._tape.all()

    def forget_facts(self) -> None:
        """Let go of all facts so far, and from now on keep those of the last run alone, as with keep_facts=False."""
        self._keeps, self._tape = False, Tape(0)

    def send(self, command: Command) -> np.ndarray:
        """Carry out one command; returns its facts, with those of names that it introduced."""
        with self._alone:
            return self._run(self.encode(command))

    def commands(self, columns: Any) -> np.ndarray:
        """Command records from a mapping of arrays or a frame: its columns are those of `engine.messages.columns.KNOWN`."""
        return encode_columns(columns, self.names)

    def run(self, commands: np.ndarray) -> np.ndarray:
        """Carry out an array of command records in order; returns their facts (a view into the tape)."""
        if commands.dtype != COMMAND:
            raise TypeError(f"run takes an array of command records, not {commands.dtype}; Exchange.commands makes one from columns")
        with self._alone:
            return self._run(commands)

    def _run(self, commands: np.ndarray) -> np.ndarray:
        commands = read_only(commands)
        tape = self._tape
        if not self._keeps:
            tape.clear()
        start, i = tape.used, 0
        named = self.state.session["named"][0]
        while True:
            i, tape.used, least = run(self.state, commands, i, len(commands), tape.chunk, tape.used)
            if i >= len(commands):
                break
            if tape.used + least > len(tape.chunk):
                start = tape.widen(start, least)
            self.make_room(commands[i])
        if self.state.session["named"][0] != named:
            self.learn()
        return tape.chunk[start : tape.used]

    def make_room(self, command: np.void) -> None:
        """Grow what is full before `command`, and load the kernels that it needs."""
        load_needed(self.state)
        self.state = growth.make_room(self.state, *self._numbers(command))

    def _numbers(self, command: np.void) -> tuple[int, int, int]:
        """Instrument, portfolio and trader number that a naming command needs rows for."""
        number, kind = int(command["trader"]), command["kind"]
        if not Kind.SYMBOL <= kind <= Kind.TRADER or not getattr(names_row, "py_func", names_row)(self.state, command):
            return 0, 0, 0
        if kind == Kind.PORTFOLIO:
            return 0, number, 0
        if kind == Kind.TRADER:
            return 0, 0, number
        return (number if kind == Kind.SYMBOL else int(command["instrument"])), 0, 0

    def learn(self) -> None:
        """Take names and instruments that commands have introduced since it last looked: of a replay, of another session's commands."""
        session = self.state.session[0]
        if session["opened"]:
            self.decimals = int(session["decimals"])
        naming = self.state.naming[self._learned : session["names"]]
        self._learned = int(session["names"])
        tables = {Kind.SYMBOL: self.names.symbols, Kind.PORTFOLIO: self.names.portfolios, Kind.TRADER: self.names.traders}
        symbols: dict[int, str] = {}
        for command in naming:
            if command["kind"] != Kind.INSTRUMENT:
                tables[Kind(command["kind"])].setdefault(read_name(command), int(command["trader"]))
            elif (number := int(command["instrument"])) == len(self.instruments):
                if number not in symbols:
                    symbols = {number: name for name, number in self.names.symbols.items()}
                symbol = symbols.get(number, f"#{number}")
                self.names.symbols.setdefault(symbol, number)
                self.instruments.append(read_terms(command, symbol, self.decimals))

    def encode(self, *commands: Command) -> np.ndarray:
        """The records of commands (COMMAND), each behind those that introduce the names that it is the first to use. Raises
        ValueError where a number or a word is none; no name is introduced then."""
        if len(commands) == 1:
            return encode(commands[0], self.names, self.decimals)
        mark = self.names.mark()
        try:
            rows = [encode(command, self.names, self.decimals) for command in commands]
        except ValueError:
            self.names.forget(mark)
            raise
        return np.concatenate([np.zeros(0, COMMAND), *rows], dtype=COMMAND)

    def book(self, symbol: str) -> Book:
        """The order book of `symbol`."""
        number = self.names.symbol(symbol)
        if number >= len(self.instruments):
            raise KeyError(f"no instrument {symbol!r}; there are {', '.join(self.names.symbols)}")
        return Book(lambda: self.state, self.instruments[number], number)

    def digest(self) -> str:
        """Hash of the logical state, 32 hex digits."""
        return digest(self.state)

    def __repr__(self) -> str:
        return f"<Exchange {exchange_line(self)}>"

    def _repr_html_(self) -> str:
        return exchange_card(self)
