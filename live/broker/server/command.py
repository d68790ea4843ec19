"""The two Java programs that are run: the one that formats a folder, and Kafka itself."""

import base64
import os
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from live.broker.port import BrokerError
from live.broker.server.jars import cache_folder, lock_digest
from live.broker.server.java import Java

_FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_AOT_RELEASE = 25
"""From here on Java writes a cache of loaded classes by one flag, which makes the next start four times as fast."""
_LOG_CONFIGURATION = Path(__file__).parent / "log4j2.properties"


def _class_path(path: Sequence[Path]) -> list[str]:
    return ["-cp", os.pathsep.join(map(str, path)), f"-Dlog4j2.configurationFile={_LOG_CONFIGURATION}"]


def cluster_id() -> str:
    """A random one. Kafka's tools take an id that starts with a dash for an option, so it starts with a T."""
    return "T" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


def cluster_of(folder: Path) -> str:
    """The id that a folder was formatted with."""
    lines = (folder / "data" / "meta.properties").read_text().splitlines()
    return next(line.partition("=")[2].strip() for line in lines if line.startswith("cluster.id="))


def format_storage(java: Java, path: Sequence[Path], folder: Path, file: Path) -> None:
    """Format the folder's data where that is not done yet. Raises BrokerError."""
    if (folder / "data" / "meta.properties").exists():
        return
    words = [str(java.path), *_FLAGS, *_class_path(path), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    done = subprocess.run([*words, "-t", cluster_id(), "-c", str(file)], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise BrokerError(
            f"{folder} cannot be formatted for Kafka: {said[0] if said else done.returncode}; remove the folder, or name another"
        )


def server_command(java: Java, path: Sequence[Path], file: Path, heap: str) -> list[str]:
    """The command that runs Kafka."""
    return [str(java.path), f"-Xmx{heap}", *_FLAGS, *_class_cache(java), *_class_path(path), "kafka.Kafka", str(file)]


def _class_cache(java: Java) -> list[str]:
    """Use the cache of this Java and these jars; without one, write it when the server ends in order."""
    if java.release < _AOT_RELEASE:
        return []
    kept = cache_folder() / f"{java.version}-{lock_digest()}.aot"
    quiet = ["-Xlog:all=error", "--sun-misc-unsafe-memory-access=allow"]  # it tells of each class that it leaves out
    return [f"-XX:AOTCache{'' if kept.exists() else 'Output'}={kept}", *quiet]
