"""The rooms of the exchange that a plain day does not enter: each is compiled when its first command comes, and called by its address.

A kernel may call a room only where it is open; `step` gives a command back to the driver, untouched, where it needs one that is not.
"""

import importlib
from enum import IntEnum
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from engine.handle import handle_type
from engine.kernel import hot_kernel
from engine.records import COMMAND, FACT

_settings: Any = config
FUNCTIONS: dict[int, Any] = {}
"""Uncompiled, an address is a number in this table."""


class Room(IntEnum):
    """Places in the table of addresses."""

    OPENING = 0  # what opens a session
    DAY = 1  # END_OF_DAY, START_OF_DAY, MARK, REFERENCE
    CONTROL = 2  # halts, limits, rules, kill switches
    REPAIR = 3  # history that is reconciled with a published book
    CHECKS = 4  # compliance and risk of one order
    STOPS = 5  # stops: wait, trigger, leave
    AFTERMATH = 6  # what a fill means for its portfolios: alarms, reduce-only orders
    REPLACING = 7  # another price or quantity for an open order


ADDRESSES = np.zeros(len(Room), np.int64)
"""Where the machine code of each room is in this process; 0 where it is not made yet."""
STOPS_ENTER, STOPS_LEAVE, STOPS_CASCADE = 1 << 32, 2 << 32, 3 << 32
"""What Room.STOPS is asked for, above the number of an order's slot (an instrument for the cascade)."""
_KERNELS = {
    Room.OPENING: "opening",
    Room.DAY: "day",
    Room.CONTROL: "control",
    Room.REPAIR: "repair",
    Room.CHECKS: "pretrade",
    Room.STOPS: "stops",
    Room.AFTERMATH: "aftermath",
    Room.REPLACING: "replacing",
}
"""Module and function of each room; two of them take a number where the others take a command."""
_NUMBERED = {Room.STOPS, Room.AFTERMATH}


def _machine_code(function: Any, what: Any, out: Any) -> int:
    """Address of a room that takes a State, a command or number, facts or nothing, and a number."""
    from engine.state import State

    if _settings.DISABLE_JIT:
        FUNCTIONS[id(function)] = function
        return id(function)
    kinds = (handle_type(State), what, out, types.int64)
    function.compile(kinds)
    code = function.overloads[kinds]
    return int(code.library.get_pointer_to_function(code.fndesc.llvm_func_name))


def open_room(room: Room) -> None:
    """Compile a room, or load its code from disk, and note its address."""
    if ADDRESSES[room] == 0:
        name = _KERNELS[room]
        function = getattr(importlib.import_module(f"engine.{name}"), name)
        what = types.int64 if room in _NUMBERED else from_dtype(COMMAND)
        ADDRESSES[room] = _machine_code(function, what, types.none if room == Room.CHECKS else types.Array(from_dtype(FACT), 1, "C"))


def open_needed(state: Any) -> None:
    """Open the room that a command asked for."""
    session = state.session[0]
    if session["needs"]:
        open_room(Room(session["needs"] - 1))
        session["needs"] = 0


def open_rooms_of(state: Any) -> None:
    """Open what a state that comes from elsewhere needs."""
    session = state.session[0]
    if session["guarded"]:
        open_room(Room.CHECKS)
        open_room(Room.AFTERMATH)
    if session["waiting"]:
        open_room(Room.STOPS)
    if state.positions["reducers"].any():
        open_room(Room.AFTERMATH)


if _settings.DISABLE_JIT:

    def call_room(address: int, state: Any, what: Any, out: Any, n: int) -> int:
        """Call the room at `address`."""
        return int(FUNCTIONS[int(address)](state, what, out, n))

else:

    @intrinsic
    def call_room(typingctx: Any, address: Any, state: Any, what: Any, out: Any, n: Any) -> Any:
        """Call the room at `address` with a command or number; returns its answer, the new n. In Numba's own convention of a call."""

        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            convention, kinds = context.call_conv, signature.args[1:]
            room = builder.inttoptr(arguments[0], convention.get_function_type(types.int64, kinds).as_pointer())
            status, answer = convention.call_function(builder, room, types.int64, kinds, arguments[1:])
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return answer

        what = types.int64 if isinstance(what, types.Integer) else what
        return types.int64(types.int64, state, what, out, types.int64), build


@hot_kernel
def shut(state, room):  # type: ignore[no-untyped-def]
    """Whether a room is not open yet; then the driver is told to open it, and the command has to come again."""
    if state.rooms[room] != 0:
        return False
    state.session[0]["needs"] = room + 1
    return True
