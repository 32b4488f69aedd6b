"""The docs say what the program and the committed results say."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_is_built_is_up_to_date() -> None:
    built = subprocess.run([sys.executable, ROOT / "docs" / "build.py", "--check"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    assert len(README.splitlines()) < 150
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


@pytest.mark.parametrize("command", ["./run-demo", "./run-tests"])
def test_the_two_commands_are_there(command: str) -> None:
    assert command in README
    assert (ROOT / command).stat().st_mode & 0o111


def test_ci_runs_the_readmes_test_command() -> None:
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("./run-tests")
