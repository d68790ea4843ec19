"""Does the suite notice? `uv run --group test python -m tests.mutants --count 20 --seed 1` changes operators of the kernels, one at a time.

Each mutant is a copy of the sources with one operator or small constant changed, in the kernels that match orders and keep accounts and
risk. It is caught where the twin and the exchange part, uncompiled, on the scenario tables or on random streams, or where it crashes or
never ends. Exits 0 if at least nine of ten are caught. Tools for mutants (mutmut, cosmic-ray) run a whole suite on a whole package for
each; ours needs a seeded sample of some modules, uncompiled, and seconds.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    *("matching", "book", "levels", "entry", "replacing", "stops", "acceptance", "accounts", "checks"),
    *("pretrade", "compliance", "risk", "aftermath", "control", "day", "venue", "history"),
)
LONGEST = 240
"""Seconds after which a mutant counts as one that never ends."""
SWAPS = {
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "==": ("!=",),
    "!=": ("==",),
    "and": ("or",),
    "or": ("and",),
    "+": ("-",),
    "-": ("+",),
    "*": ("+",),
    "//": ("*",),
    "%": ("//",),
    "&": ("|",),
    "|": ("&", "^"),
    "^": ("|",),
    "<<": (">>",),
    ">>": ("<<",),
    "+=": ("-=",),
    "-=": ("+=",),
    "|=": ("&=",),
    "&=": ("|=",),
    "0": ("1",),
    "1": ("0", "2"),
    "2": ("1", "3"),
}


class Mutant(NamedTuple):
    """One place of a module, and what stands there instead."""

    module: str
    line: int
    start: int
    stop: int
    before: str
    after: str

    def source(self) -> str:
        text = (ROOT / "engine" / f"{self.module}.py").read_text()
        return text[: self.start] + self.after + text[self.stop :]

    def shown(self) -> str:
        text = (ROOT / "engine" / f"{self.module}.py").read_text().splitlines()[self.line - 1].strip()
        return f"engine/{self.module}.py:{self.line}  {self.before} -> {self.after}   {text[:80]}"


def kernels(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        names = {name.id for name in getattr(node, "decorator_list", ()) if isinstance(name, ast.Name)}
        if isinstance(node, ast.FunctionDef) and any(name.endswith("kernel") for name in names):
            yield node


def gaps(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Pairs of neighbours that an operator stands between."""
    if isinstance(node, ast.Compare):
        yield from zip([node.left, *node.comparators], node.comparators)
    elif isinstance(node, ast.BinOp):
        yield node.left, node.right
    elif isinstance(node, ast.BoolOp):
        yield from zip(node.values, node.values[1:])
    elif isinstance(node, ast.AugAssign):
        yield node.target, node.value


def mutants(module: str) -> Iterator[Mutant]:
    """Every change of a module that `SWAPS` knows."""
    text = (ROOT / "engine" / f"{module}.py").read_text()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for kernel in kernels(ast.parse(text)):
        for node in (found for statement in kernel.body for found in ast.walk(statement)):
            spans = [
                (left.end_lineno, starts[left.end_lineno - 1] + left.end_col_offset, starts[right.lineno - 1] + right.col_offset)  # type: ignore[attr-defined]
                for left, right in gaps(node)
            ]
            if isinstance(node, ast.Constant) and type(node.value) is int:
                spans.append((node.lineno, starts[node.lineno - 1] + node.col_offset, starts[node.lineno - 1] + (node.end_col_offset or 0)))
            for line, start, stop in spans:
                before = text[start:stop].strip(" ()\n")
                start += text[start:stop].find(before)
                yield from (Mutant(module, line or 0, start, start + len(before), before, after) for after in SWAPS.get(before, ()))


def judged(mutant: Mutant, commands: int) -> str:
    """What caught a mutant; "" where nothing did."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for package in ("engine", "tests", "data", "backtest"):
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "benchmarks"))
        shutil.copy(ROOT / "tapebook.py", folder)
        (folder / "engine" / f"{mutant.module}.py").write_text(mutant.source())
        words = [sys.executable, "-W", "ignore", "-m", "tests.mutants", "--judge", str(commands)]
        settings = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": name}
        try:
            done = subprocess.run(words, cwd=name, env=settings, capture_output=True, text=True, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return "never ends"
    said = (done.stdout.strip() or done.stderr.strip() or "crash").splitlines()
    return said[-1][:60] if done.returncode else ""


def judge(commands: int) -> int:
    """Holds the exchange of this folder against its twin; says what parts them."""
    from tests import invariants
    from tests.fuzz import part
    from tests.scenario import read
    from tests.streams import SETTINGS, as_array
    from tests.test_scenarios import FOLDER, Compiled
    from tests.test_twin import FOUND, WORLD
    from tests.twins import Pair

    for path in sorted(FOLDER.glob("[0-9]*.txt")):
        for scenario in read(path):
            try:
                scenario.run(Compiled(scenario))
            except Exception as error:
                print(f"scenario {path.stem}: {type(error).__name__}")
                return 1
    for name, found in FOUND.items():
        if part(WORLD, as_array(found)):
            print(f"found before: {name}"[:60])
            return 1
    for seed in range(2):
        for name, setting in SETTINGS.items():
            try:
                pair = Pair(setting.world)
                pair.run(setting.stream(seed).take(commands))
                pair.compare_states()
                pair.compare_orders()
                invariants.hold(pair.exchange)
            except Exception as error:
                print(f"stream {name!r}, seed {seed}: {type(error).__name__}")
                return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="mutants (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--commands", type=int, default=1500, help="of each of the streams")
    parser.add_argument("--judge", type=int, metavar="COMMANDS", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.judge:
        return judge(asked.judge)
    if judge_failed := judged(Mutant("matching", 1, 0, 0, "", ""), asked.commands):
        print(f"without a mutant: {judge_failed}")
        return 2
    chosen = random.Random(asked.seed).sample([mutant for module in MODULES for mutant in mutants(module)], asked.count)
    caught = 0
    for mutant in chosen:
        by = judged(mutant, asked.commands)
        caught += bool(by)
        print(f"{'caught' if by else 'MISSED'}  {mutant.shown()}\n        {by}".rstrip(), flush=True)
    print(f"{caught} of {len(chosen)} caught")
    return 0 if 10 * caught >= 9 * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
