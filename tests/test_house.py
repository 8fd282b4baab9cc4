"""The house itself: package names clash with nobody, the wheel holds its data, requirement files name no address."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import cast

import click
import pytest

from api.commands import hezheng

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
ROOMS = ("config", "credentials", "scanner", "appliance", "api")


def test_no_other_distribution_ships_one_of_our_names() -> None:
    clashes = [
        (distribution.name, file)
        for distribution in distributions()
        if distribution.name != "hezheng"
        for file in distribution.files or ()
        if file.parts[0] in ROOMS
    ]
    assert clashes == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a copy of this checkout (the build writes beside its source)."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    tracked = subprocess.run(
        ["git", "ls-files", *ROOMS, "pyproject.toml", "README.md"], cwd=ROOT, capture_output=True, text=True
    )
    for name in tracked.stdout.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-qq",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(source),
    ]
    subprocess.run(pip, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_the_reference_data_and_the_page(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for needed in (
        "config/defaults.toml",
        "config/ledger_columns.toml",
        "config/catalogue/office.toml",
        "config/policies/national.toml",
        "config/messages/zh_CN/scope.toml",
        "appliance/evidence/verify_template/verify.py",
        "api/templates/index.html",
        "api/static/app.js",
    ):
        assert needed in names, needed
    assert not any(name.startswith(("tests/", "bench/")) for name in names)


def test_requirement_files_are_hash_pinned_and_name_no_address() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        text = file.read_text("utf-8")
        assert not re.search(r"https?://|--index|--find-links|file:", text), file.name
        pins = re.findall(r"^[a-z0-9][^\s]*==", text, re.MULTILINE)
        assert len(pins) > 30
        assert text.count("--hash=sha256:") >= len(pins)


SPAN = re.compile(r"`(?:\.venv/bin/)?(hezheng [^`]+)`|^    (hezheng .+)$", re.MULTILINE)


@pytest.mark.parametrize(
    "document", ["README.md", "CHANGELOG.md", *sorted(f"docs/{p.name}" for p in DOCS.glob("*.md"))]
)
def test_every_command_that_a_document_names_exists_with_its_options(document: str) -> None:
    unknown = {
        f"{span}: {word}"
        for span in (one or other for one, other in SPAN.findall((ROOT / document).read_text("utf-8")))
        for word in not_of_ours(span.partition("  #")[0].replace("\\", ""))
    }
    assert unknown == set()


def not_of_ours(line: str) -> Iterator[str]:
    """Words of a command line that name no command or option."""
    words, command = shlex.split(line)[1:], cast(click.Command, hezheng)
    while words and isinstance(command, click.Group) and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if isinstance(command, click.Group) and words and re.fullmatch(r"[a-z][a-z-]+", words[0]):
        yield words[0]
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    yield from (word for word in words if word.startswith("--") and word.partition("=")[0] not in {*options, "--help"})


def test_readme_names_the_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"make ([a-z]+)", readme)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
