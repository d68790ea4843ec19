"""Strategies by name, as the command line and configuration files give them."""

import importlib
import sys
from types import ModuleType

from engine.errors import TapebookError
from engine.messages.hints import did_you_mean
from engine.strategy.strategy import Strategy

EXAMPLES = ("MarketMaker", "FastMarketMaker", "ImbalanceTaker", "FastImbalanceTaker")


class StrategyError(TapebookError, ValueError):
    """A strategy that cannot be found by its name, and what to write instead."""


def load_strategy(name: str) -> type[Strategy]:
    """A strategy class: an example's name, or "module:Class" (modules of the current folder, too). Raises StrategyError with the mend.

    What the module itself raises while it is imported is passed on as it is.
    """
    if ":" not in name:
        if name not in EXAMPLES:
            hint = did_you_mean(name, EXAMPLES, f"write module:Class, or one of {', '.join(EXAMPLES)}")
            raise StrategyError(f"unknown strategy {name!r}; {hint}")
        return getattr(importlib.import_module("engine.strategy.examples"), name)
    module_name, _, class_name = name.partition(":")
    if not class_name or not all(part.isidentifier() for part in module_name.split(".")) or module_name.endswith(".py"):
        raise StrategyError(f"strategy {name!r} is not written module:Class, like mine:Maker for the class Maker in mine.py")
    module = _import(name, module_name)
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        classes = [k for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, Strategy) and v is not Strategy]
        hint = did_you_mean(class_name, classes, f"its strategies are {', '.join(classes) or 'none'}")
        raise StrategyError(f"strategy {name}: {module_name} has no strategy {class_name!r}; {hint}")
    return found


def _import(name: str, module_name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.append("")  # the current folder, last: a file there replaces no installed package
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise StrategyError(f"strategy {name}: no module {error.name!r} in the current folder or among the installed packages") from None
    except SyntaxError as error:
        raise StrategyError(f"strategy {name}: {error.filename} line {error.lineno}: {error.msg}") from None
