"""What the type and the time in force of an order mean: whether it has a price, whether it has a stop price, whether it may rest.

These kernels stand below all that ask (facts, matching, risk, control), and above `engine.compiler`, which the vocabulary must not import.
"""

from engine.compiler.kernel import hot_kernel
from engine.messages.vocabulary import OrderType, TimeInForce

MARKET, LIMIT, STOP, STOP_LIMIT = int(OrderType.MARKET), int(OrderType.LIMIT), int(OrderType.STOP), int(OrderType.STOP_LIMIT)
IOC, FOK = int(TimeInForce.IOC), int(TimeInForce.FOK)


@hot_kernel
def has_price(order_type):
    """Whether an order of this type has a limit price: all but MARKET and STOP. (A refusal shows the price of an unknown type.)"""
    return order_type != MARKET and order_type != STOP


@hot_kernel
def has_stop(order_type):
    """Whether an order of this type has a stop price: STOP, STOP_LIMIT (and unknown types)."""
    return order_type >= STOP


@hot_kernel
def rests(time_in_force):
    """Whether what an order cannot trade at once may rest in the book: DAY and GTC."""
    return time_in_force < IOC
