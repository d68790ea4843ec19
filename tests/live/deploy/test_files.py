"""The deployment's files, held against the schemas and checkers of those who read them, and the image's build steps run by hand."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "live" / "deploy"
BIN = Path(sys.executable).parent


def run(*words: object, **more: object) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def needs(program: str) -> str:
    """Where a program is; the test is skipped without it."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def test_compose_file_is_of_the_compose_specification() -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose" / "compose.yaml")


@pytest.mark.parametrize("name", sorted(path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")))
def test_manifests_are_what_kubernetes_takes(name: str) -> None:
    run(BIN / "kubernetes-validate", "--strict", "-k", "1.33", DEPLOY / "kubernetes" / name)


def test_prometheus_takes_its_configuration_and_rules() -> None:
    run(needs("promtool"), "check", "config", "--lint=all", "--lint-fatal", DEPLOY / "prometheus.yml")


def test_image_passes_hadolint() -> None:
    for name in ("Dockerfile", "logs.Dockerfile"):
        run(needs("hadolint"), "--ignore", "DL3008", "--ignore", "DL3013", DEPLOY / name)


def test_everything_that_compose_mounts_exists() -> None:
    text = (DEPLOY / "compose" / "compose.yaml").read_text()
    mounted = re.findall(r"(\.\./[\w./-]+):/", text)
    assert len(mounted) >= 6
    assert [path for path in mounted if not (DEPLOY / "compose" / path).exists()] == []


def steps(stage: int) -> list[tuple[str, str]]:
    """The instructions of a stage of the Dockerfile."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    stages = re.split(r"^FROM .*$", text, flags=re.M)[1:]
    return re.findall(r"^(COPY|RUN|ENV|CMD|ENTRYPOINT) (.+)$", stages[stage], flags=re.M)


def test_build_steps_of_the_image_run_by_hand(tmp_path: Path) -> None:
    """What the Dockerfile copies is enough to install everything, and the program that it names runs from there."""
    uv = needs("uv")
    for instruction, text in steps(0):
        words = shlex.split(text)
        if instruction == "COPY":
            *sources, target = words
            for source in sources:
                where = tmp_path / target / (source if target == "./" else "")
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, where, **({"ignore": shutil.ignore_patterns("__pycache__")} if copy is shutil.copytree else {}))
        elif instruction == "RUN" and words[0] == "uv":
            run(uv, *words[1:], cwd=tmp_path)
    assert "tapebook" in run(tmp_path / ".venv" / "bin" / "tapebook", "--version", cwd="/")
    where = run(tmp_path / ".venv" / "bin" / "python", "-c", "import live.session.session as s; print(s.__file__)", cwd="/")
    assert where.startswith(str(tmp_path / ".venv"))
