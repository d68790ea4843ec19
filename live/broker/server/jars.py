"""Kafka's jars: fetched once from Maven Central, each held against our own lock file, and kept for all folders of this user."""

import hashlib
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

from live.broker.server.unavailable import Unavailable

LOCK_FILE = Path(__file__).parent / "kafka.lock"
TRIES = 3


class Jar(NamedTuple):
    """One line of the lock file."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    def path(self, repository: Path) -> Path:
        """Where it lies in a Maven repository."""
        name = f"{self.artifact}-{self.version}.jar"
        return repository.joinpath(*self.group.split("."), self.artifact, self.version, name)


@cache
def locked() -> tuple[Jar, ...]:
    """The lock file: `group:artifact:version sha256:… size` a line."""
    found = []
    for line in LOCK_FILE.read_text().splitlines():
        name, digest, size = line.split()
        group, artifact, version = name.split(":")
        found.append(Jar(group, artifact, version, digest.removeprefix("sha256:"), int(size)))
    return tuple(found)


def lock_digest() -> str:
    """Names this set of jars."""
    return hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:16]


def cache_folder() -> Path:
    """Where jars, and what is made from them, are kept for this user."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "tapebook" / "kafka"


def is_right(jar: Jar, path: Path) -> bool:
    """Is this the file that the lock file names, to the byte?"""
    return path.is_file() and path.stat().st_size == jar.size and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def jars(repository: Path | None = None) -> list[Path]:
    """The class path, each jar as the lock file has it; what is missing or wrong is fetched. Raises Unavailable."""
    from filelock import FileLock

    repository = repository or cache_folder() / "jars"
    repository.mkdir(parents=True, exist_ok=True)
    with FileLock(repository / "fetch.lock"):
        missing = [jar for jar in locked() if not is_right(jar, jar.path(repository))]
        if missing:
            _fetch_all(missing, repository)
    return [jar.path(repository) for jar in locked()]


def _fetch_all(missing: Sequence[Jar], repository: Path) -> None:
    megabytes = sum(jar.size for jar in missing) / 1e6
    print(f"tapebook: fetching {len(missing)} jars of Kafka, {megabytes:.0f} MB, once, to {repository}", file=sys.stderr)
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda jar: fetch(jar, repository), missing):
            pass


def fetch(jar: Jar, repository: Path) -> None:
    """Fetch one jar until it is right. Raises Unavailable."""
    from jgo.maven import MavenContext

    path, said = jar.path(repository), ""
    for _ in range(TRIES):
        path.unlink(missing_ok=True)  # jgo takes whatever lies there for the jar
        try:
            MavenContext(repo_cache=repository).project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except Exception as error:  # jgo says what failed by many classes, those of requests among them
            said = f"{type(error).__name__}: {error}"
            continue
        if is_right(jar, path):
            return
        said = "what came is not what our lock file names (sha256 or size)"
    path.unlink(missing_ok=True)
    raise Unavailable(
        f"{jar.group}:{jar.artifact}:{jar.version} cannot be had from Maven Central: {said[:200]}; "
        "connect this machine once, or name a Kafka that runs already"
    )
