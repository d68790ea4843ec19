"""Strategies by name: examples, and classes of the user's modules."""

import sys
from pathlib import Path

import pytest

from engine.strategy import examples
from engine.strategy.load import EXAMPLES, StrategyError, load_strategy

MINE = """
from engine import Strategy

class Maker(Strategy):
    def on_timer(self): ...

class Other: ...
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a module mine.py in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    (tmp_path / "mine.py").write_text(MINE)
    yield tmp_path
    for name in ("mine", "broken", "needy"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_by_its_name(name: str) -> None:
    assert load_strategy(name) is getattr(examples, name)
    assert load_strategy(f"engine.strategy.examples:{name}") is load_strategy(name)


def test_a_class_of_the_current_folder(folder: Path) -> None:
    assert load_strategy("mine:Maker").__module__ == "mine"
    assert load_strategy("mine:Maker") is load_strategy("mine:Maker")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("MarketMakr", "unknown strategy 'MarketMakr'; did you mean MarketMaker?"),
        ("Zzz", "unknown strategy 'Zzz'; write module:Class, or one of MarketMaker, Fast"),
        ("mine:Makr", "mine has no strategy 'Makr'; did you mean Maker?"),
        ("mine:Other", "mine has no strategy 'Other'; its strategies are Maker"),
        ("json:Maker", "json has no strategy 'Maker'; its strategies are none"),
        ("nowhere:Maker", "no module 'nowhere' in the current folder or among the installed packages"),
        *(
            (name, "is not written module:Class, like mine:Maker")
            for name in (":Maker", "mine:", "../mine:Maker", "mine.py:Maker", "a b:C")
        ),
    ],
)
def test_what_cannot_be_found(folder: Path, name: str, why: str) -> None:
    with pytest.raises(StrategyError) as refused:
        load_strategy(name)
    assert why in str(refused.value)


def test_what_is_wrong_within_a_module(folder: Path) -> None:
    (folder / "broken.py").write_text("x = 1\ndef f(:\n")
    (folder / "needy.py").write_text("import no_such_package\n")
    with pytest.raises(StrategyError, match=r"broken\.py line 2: invalid syntax"):
        load_strategy("broken:Maker")
    with pytest.raises(StrategyError, match="no module 'no_such_package'"):
        load_strategy("needy:Maker")
    (folder / "needy.py").write_text("raise KeyError('its own')\n")
    with pytest.raises(KeyError, match="its own"):
        load_strategy("needy:Maker")
