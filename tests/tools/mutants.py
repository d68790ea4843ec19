"""Does the suite notice? `uv run --group test python -m tests.tools.mutants --count 20 --seed 1` changes operators of kernels, one by one.

Each mutant is the sources with one operator or whole number changed, in the kernels that match orders and keep accounts and risk, or that
stand around them. It is caught where the scenario tables, the twin on random streams, or the quick tests of `TESTS` fail, all uncompiled,
or where it crashes or never ends. The rule: at least nine of ten are caught, then it exits 0. Those that are missed are to be looked at:
some change nothing that anybody can see (where a window stands, a shortcut before an exact product), the others want a test.
"""
# Tools for mutants (mutmut, cosmic-ray) walk all changes of a package with its whole suite, a session to be resumed; neither draws a seeded
# sample, leaves out what is no kernel, or has a first check of seconds before the tests; what they would save are the hundred lines below.

import argparse
import ast
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CIRCLES = {
    1: (
        *("matching.match", "matching.entry", "matching.replace", "matching.stops", "matching.open_orders", "matching.checks"),
        *("state.ladder", "state.levels", "state.accounts", "state.order_types", "risk.pretrade", "risk.compliance", "risk.limits"),
    ),
    2: (
        *("risk.after_fill", "control.switches", "control.day", "matching.history_orders", "matching.history", "matching.reconcile"),
        *("state.id_table", "state.facts", "strategy.context"),
    ),
}
"""What decides about orders, accounts and risk; what stands around it."""
TESTS = ("tests/engine/test_exchange.py", "tests/engine/test_extremes.py", "tests/engine/test_strategy.py", "tests/engine/test_twin.py")
SLOW = "thousands or bars_are or twin[ or assert_same or default_of or test_stream or any_commands or restarts or found or shrink or crash"
"""Tests of these modules that take long uncompiled, have been run in another way, or are not about kernels."""
HINTS = {"home", "spread"}
"""Kernels that say where a search begins: a change there costs time, and nothing else."""
SPANS = {ast.Not: ("not ", ""), ast.USub: ("-", ""), ast.Invert: ("~", "")}
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
    "min": ("max",),
    "max": ("min",),
    "True": ("False",),
    "False": ("True",),
}
MEMORY = 6 << 30
"""Bytes that a mutant may ask for."""
LONGEST = 900
"""Seconds after which a mutant ends in any case; what never ends is known before by the processor's time, whoever else is at work."""


def place_of(module: str) -> str:
    return f"engine/{module.replace('.', '/')}.py"


class Mutant(NamedTuple):
    """One place of a module, and what stands there instead."""

    module: str
    line: int
    start: int
    before: str
    after: str

    @property
    def place(self) -> str:
        return place_of(self.module)

    def of(self, text: str) -> str:
        return text[: self.start] + self.after + text[self.start + len(self.before) :]

    def shown(self, text: str) -> str:
        change = f"{self.before.strip()} -> {self.after or '(nothing)'}"
        return f"{self.place}:{self.line:<4} {change:<16} {text.splitlines()[self.line - 1].strip()[:90]}"


# ---------------------------------------------------------------------- what can be changed


def kernels(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        names = {name.id for name in getattr(node, "decorator_list", ()) if isinstance(name, ast.Name)}
        if isinstance(node, ast.FunctionDef) and node.name not in HINTS and any(name.endswith("kernel") for name in names):
            yield node


def gaps(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Pairs of neighbours that an operator stands between."""
    if isinstance(node, ast.Compare):
        yield from zip([node.left, *node.comparators], node.comparators)
    elif isinstance(node, ast.BinOp):
        yield node.left, node.right
    elif isinstance(node, ast.BoolOp):
        yield from zip(node.values, node.values[1:])
    elif isinstance(node, ast.AugAssign):
        yield node.target, node.value


def meant(kernel: ast.FunctionDef) -> Iterator[ast.AST]:
    """Nodes of a body, but for prefetches, and for the index of the one row of an array: another one is no mistake that anybody makes."""
    waiting: list[ast.AST] = list(kernel.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            waiting.append(node.value)
        elif not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "prefetch"):
            waiting += ast.iter_child_nodes(node)


def changes(before: str) -> Sequence[str]:
    """What may stand there instead; a whole number becomes its neighbours."""
    if before.isdecimal():
        return [str(number) for number in (int(before) - 1, int(before) + 1) if number >= 0]
    return SWAPS.get(before, ())


def mutants(module: str, text: str) -> Iterator[Mutant]:
    """Every change of a module that is known here."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in (node for kernel in kernels(ast.parse(text)) for node in meant(kernel)):
        spans = [
            (starts[left.end_lineno - 1] + left.end_col_offset, starts[right.lineno - 1] + right.col_offset)
            for left, right in gaps(node)
            if left.end_lineno and left.end_col_offset
        ]
        if isinstance(node, ast.Constant | ast.Name) and node.end_col_offset:
            spans.append((starts[node.lineno - 1] + node.col_offset, starts[node.lineno - 1] + node.end_col_offset))
        for start, stop in spans:
            before = text[start:stop].strip(" ()\n")
            start += text[start:stop].find(before)
            yield from (Mutant(module, text.count("\n", 0, start) + 1, start, before, after) for after in changes(before))
        if isinstance(node, ast.UnaryOp) and type(node.op) in SPANS:
            yield Mutant(module, node.lineno, starts[node.lineno - 1] + node.col_offset, *SPANS[type(node.op)])


def sample(sources: dict[str, str], count: int, seed: int) -> list[Mutant]:
    """Places first, then one change of each: a place with two of them is not drawn twice as often."""
    found: dict[tuple[str, int], list[Mutant]] = {}
    for module, text in sources.items():
        for mutant in mutants(module, text):
            found.setdefault((module, mutant.start), []).append(mutant)
    chance = random.Random(seed)
    return [chance.choice(found[place]) for place in chance.sample(sorted(found), min(count, len(found)))]


# ---------------------------------------------------------------------- what catches it


def judged(folder: Path, commands: int, seconds: int) -> str:
    """What catches the sources in `folder` in so many seconds of the processor's time; "" where nothing does."""
    words = [sys.executable, "-W", "ignore", "-m", "tests.tools.mutants", "--judge", str(commands), "--seconds", str(seconds)]
    settings = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(words, cwd=folder, env=settings, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return "never ends"
    if done.returncode < 0:
        return "never ends" if -done.returncode in (signal.SIGXCPU, signal.SIGKILL) else f"crash: signal {-done.returncode}"
    said = (done.stdout.strip() or done.stderr.strip() or "crash").splitlines()
    return said[-1][:70] if done.returncode else ""


def judge(commands: int, seconds: int) -> str:
    """Holds the exchange of this folder against its tables, its twin and its tests; says what fails, "" where nothing does."""
    from tests.engine.test_scenarios import FOLDER, Compiled
    from tests.engine.test_twin import FOUND, WORLD
    from tests.support import invariants
    from tests.support.scenario import read
    from tests.support.streams import SETTINGS, as_array
    from tests.support.twins import Pair
    from tests.tools.fuzz import part

    set_limits(seconds)
    doing = ""
    try:
        for scenario in (scenario for path in sorted(FOLDER.glob("[0-9]*.txt")) for scenario in read(path)):
            doing = f"scenario {scenario.path.stem}"
            scenario.run(Compiled(scenario))
        for name, found in FOUND.items():
            doing = f"found before: {name}"
            if difference := part(WORLD, as_array(found)):
                raise difference
        for seed, (name, setting) in ((seed, named) for seed in range(2) for named in SETTINGS.items()):
            doing = f"stream {name!r}, seed {seed}"
            pair = Pair(setting.world)
            pair.run(setting.stream(seed).take(commands))
            pair.compare_states()
            pair.compare_orders()
            invariants.hold(pair.exchange)
    except Exception as error:
        return f"{doing}: {type(error).__name__}"
    words = [sys.executable, "-W", "ignore", "-m", "pytest", "-x", "-p", "no:cacheprovider", "--tb=no", *TESTS, "-k", f"not ({SLOW})"]
    done = subprocess.run(words, capture_output=True, text=True)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return (failed or ["pytest"])[0].partition(" - ")[0].removeprefix("FAILED tests/") if done.returncode else ""


def set_limits(seconds: int) -> None:
    """A mutant that goes on for ever, or lets arrays grow for ever, ends."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


# ---------------------------------------------------------------------- the run


def run(chosen: Sequence[Mutant], sources: dict[str, str], folder: Path, commands: int) -> list[dict[str, Any]]:
    """Each mutant in turn, in a copy of the sources that nobody edits; a row for each."""
    if failed := judged(folder, commands, LONGEST):
        raise SystemExit(f"without a mutant: {failed}")
    longest = 20 + 2 * round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime)
    rows = []
    for mutant in chosen:
        path, text = folder / mutant.place, sources[mutant.module]
        path.write_text(mutant.of(text))
        by = judged(folder, commands, longest)
        path.write_text(text)
        print(f"{'caught' if by else 'MISSED'}  {mutant.shown(text)}\n        {by}".rstrip(), flush=True)
        rows.append({**mutant._asdict(), "caught_by": by})
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.tools.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="mutants (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--commands", type=int, default=600, help="of each of the streams (default 600)")
    parser.add_argument("--circle", type=int, choices=CIRCLES, help="1: matching, accounts, risk; 2: what stands around them; else both")
    parser.add_argument("--module", action="append", help="only this module, like matching.match; may be repeated")
    parser.add_argument("--json", type=Path, help="write the rows there")
    parser.add_argument("--judge", type=int, metavar="COMMANDS", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=LONGEST, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.judge:
        print(failed := judge(asked.judge, asked.seconds))
        return 1 if failed else 0
    modules = asked.module or [module for circle, names in CIRCLES.items() if asked.circle in (None, circle) for module in names]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for package in ("engine", "tests", "data", "backtest"):
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "benchmarks"))
        for file in ("tapebook.py", "pyproject.toml"):
            shutil.copy(ROOT / file, folder)
        sources = {module: (folder / place_of(module)).read_text() for module in modules}
        rows = run(sample(sources, asked.count, asked.seed), sources, folder, asked.commands)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))
    caught = sum(bool(row["caught_by"]) for row in rows)
    print(f"{caught} of {len(rows)} caught")
    return 0 if 10 * caught >= 9 * len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
