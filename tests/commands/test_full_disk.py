"""A disk that is full: one line that says so, exit 2, and 1 of a session, which ends for it; to make one that can be filled needs root."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

WRITING = """
backtest --messages 20000 --out {}/runs
sweep MarketMaker --grid spread=1..2 --messages 20000 --processes 1 --out {}/sweeps
data add lots.csv --catalog {}/catalog
live run --demo --no-gateway --for 1 --out {}/live
token --role viewer --out {}/tokens
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory):
    """A folder on a file system of 64 KB with nothing left."""
    place = tmp_path_factory.mktemp("full")
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` to make a small file system with")
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here (that needs root): {done.stderr.strip()}")
    try:
        with suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("words", WRITING.strip().splitlines(), ids=lambda words: words.split(" --")[0])
def test_one_line(complains, full: Path, folder: Path, words: str) -> None:
    lots = folder / "lots.csv"
    if not lots.exists():
        lots.write_text("time,price,size\n" + "".join(f"{1_714_573_800_000_000_000 + k},10.5,5\n" for k in range(20_000)))
    complains(words.format(full).split(), "space left", exits=1 if words.startswith("live") else 2)
