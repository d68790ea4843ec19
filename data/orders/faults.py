"""What can be wrong with a venue's messages about orders: why a reader stops, or what it counts where it repairs."""

from enum import IntEnum


class Fault(IntEnum):
    """Why a decoder stopped before the end of its input."""

    NONE = 0
    ROOM = 1  # no fault: the output is full
    FRAME = 2  # the length of a message is not that of its type
    TYPE = 3
    CODE = 4
    TIME_BACK = 5
    TIME_RANGE = 6
    INSTRUMENT = 7
    ORDER_ID = 8
    SIDE = 9
    SIZE = 10
    PRICE = 11
    OFF_TICK = 12
    DUPLICATE = 13
    UNKNOWN = 14
    TOO_MANY = 15
    ORDER_DIFFERS = 16


WORDS = {
    Fault.FRAME: "is not the length of its type",
    Fault.TYPE: "is not a type of message that the format has",
    Fault.CODE: "is not a code that the format has",
    Fault.TIME_BACK: "is before the message above; sort the data by time, or raise it to the last time",
    Fault.TIME_RANGE: "is not a time of day",
    Fault.INSTRUMENT: "is not an instrument that the file has announced",
    Fault.ORDER_ID: "is not an order's id; it must be above 0",
    Fault.SIDE: "is not a side",
    Fault.SIZE: "is not a size; it must be 1 to 4294967295 lots",
    Fault.PRICE: "is out of range; it must be 1 to 2147483647 price units",
    Fault.OFF_TICK: "is off the tick; give a finer tick",
    Fault.DUPLICATE: "is the id of an order that is still open",
    Fault.UNKNOWN: "names an order that is not open",
    Fault.TOO_MANY: "is more than is open of the order",
    Fault.ORDER_DIFFERS: "is not what the order that it names says",
}
"""What is said of each fault, behind the value."""

MENDS = {
    Fault.FRAME: "left out",
    Fault.TIME_BACK: "raised to the time before",
    Fault.INSTRUMENT: "left out",
    Fault.SIDE: "left out",
    Fault.SIZE: "left out",
    Fault.PRICE: "left out",
    Fault.OFF_TICK: "left out",
    Fault.ORDER_ID: "left out",
    Fault.DUPLICATE: "the order before is taken out",
    Fault.UNKNOWN: "left out",
    Fault.TOO_MANY: "clipped to what is open",
    Fault.ORDER_DIFFERS: "read as the order says",
    Fault.CODE: "left out",
    Fault.TYPE: "left out",
    Fault.TIME_RANGE: "left out",
}
"""What `repair=True` does about each fault."""
