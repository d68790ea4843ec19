"""Between two turns of a live session: strategies know what happened, and the facts may go."""

from engine.compiler.kernel import entry_kernel
from engine.loop.dispatch import strategy_at
from engine.loop.own_view import learn, next_own


@entry_kernel
def catch_up(state, loop, out, n):
    """Every fact of out[:n] that concerns a strategy has reached it; the next one is out[0]."""
    for k in range(len(loop.strategies)):
        mine = strategy_at(loop.strategies[k])
        while next_own(mine, out, n):
            learn(state, mine, out)
        mine.clock[0]["seen"] = 0
        mine.clock[0]["seen_maker"] = 0
