"""The project as a newcomer meets it: locks, commands, checks, and nothing of the machine it was written on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
PYPROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: Final = PYPROJECT["project"]
EXTRAS: Final = PROJECT["optional-dependencies"]
LOCKS: Final = sorted((ROOT / "requirements").glob("*.txt"))
LOCKED: Final = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+) \\$", re.MULTILINE)

# in pieces, so that this list is not its own finding
PERSONAL: Final = tuple("/" + folder + "/" for folder in ("work", "home", "root", "Users", "opt"))
REGISTRIES: Final = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("debian", "org"),
    )
)
INSIDE_AN_IMAGE: Final = "/" + "opt" + "/kafka/"


def locked(lock: Path) -> dict[str, str]:
    return dict(LOCKED.findall(lock.read_text(encoding="utf-8")))


def pins(*groups: list[str]) -> dict[str, str]:
    """Name and version of requirements that name exactly one version."""
    found = {}
    for text in (text for group in groups for text in group):
        requirement = Requirement(text)
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        found[canonicalize_name(requirement.name)] = specifier.version
    return found


def files_of_the_project() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git clone: there is no list of files")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def make(*arguments: str) -> list[str]:
    """What make would run, line by line."""
    if shutil.which("make") is None:
        pytest.skip("no make")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", "--dry-run", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment)
    return done.stdout.splitlines()


def test_every_direct_dependency_is_locked_as_pinned() -> None:
    build = PYPROJECT["build-system"]["requires"]
    everything = pins(PROJECT["dependencies"], build, *EXTRAS.values())
    assert everything.items() <= locked(ROOT / "requirements" / "dev.txt").items(), "run make lock"
    demo = pins(PROJECT["dependencies"], build, EXTRAS["embedded"])
    assert demo.items() <= locked(ROOT / "requirements" / "runtime.txt").items(), "run make lock"


def test_the_locks_agree() -> None:
    runtime, dev = locked(ROOT / "requirements" / "runtime.txt"), locked(ROOT / "requirements" / "dev.txt")
    assert runtime.items() <= dev.items()
    tools = pins(EXTRAS["dev"]).keys() - {"pyyaml", "markdown-it-py"}  # which apprise and rich need, too
    assert tools.isdisjoint(runtime), "the demo installs no developer's tool"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_names_versions_and_hashes_only(lock: Path) -> None:
    lines = lock.read_text(encoding="utf-8").splitlines()
    allowed = re.compile(r"\s*#.*|[a-z0-9][a-z0-9.-]*==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?|")
    assert [line for line in lines if not allowed.fullmatch(line)] == []
    assert [line for line in lines if "://" in line or " /" in line] == []
    hashes = {part.split("==")[0]: part.count("--hash=") for part in re.split(r"\n(?=[a-z0-9])", "\n".join(lines))[1:]}
    assert hashes.keys() == locked(lock).keys()
    assert min(hashes.values()) >= 1
    assert hashes["numpy"] > 10, "hashes of one platform only"


def test_every_dependency_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^  "[A-Za-z0-9_.,\[\]-]+==.*$', text, re.MULTILINE)
    assert len(lines) == len(PROJECT["dependencies"]) + sum(map(len, EXTRAS.values()))
    assert [line for line in lines if not re.search(r"# \w", line)] == []


def test_the_licence_is_there() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_nothing_of_a_machine_or_a_registry_is_named() -> None:
    words = re.compile("|".join(map(re.escape, (*PERSONAL, *REGISTRIES))))
    found = []
    for path in files_of_the_project():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if words.search(line.replace(INSIDE_AN_IMAGE, "")):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_make_demo_runs_the_demo_and_prints_nothing_else(tmp_path: Path) -> None:
    for stamp in ("dev", "runtime", None):
        venv = tmp_path / f"installed-{stamp}"
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").touch()
        if stamp is not None:
            (venv / f".livewarden-{stamp}").touch()
        *before, last = make("demo", "ARGS=--once --json", f"VENV={venv}")
        assert last == f"{venv}/bin/livewarden demo --once --json"
        assert (before == []) is (stamp is not None), "what is installed is not installed again"
        assert [line for line in before if not (line.endswith(">&2") or line.startswith("touch"))] == []


def test_the_continuous_integration_runs_what_people_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    called = set(re.findall(r"make (\w+)", script.read_text(encoding="utf-8")))
    assert {"test", "lint", "types", "imports", "schemas", "integration"} <= called
    assert "LIVEWARDEN_REQUIRE_SERVICES=1" in script.read_text(encoding="utf-8")


def test_pre_commit_fetches_nothing() -> None:
    path = ROOT / ".pre-commit-config.yaml"
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", str(path)], check=True)
    repositories = yaml.safe_load(path.read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    for hook in repositories[0]["hooks"]:
        assert hook["language"] == "system"
        program, target = hook["entry"].split()
        assert program == "make"
        assert make(target, "VENV=nowhere")
