"""The docs say what the program and the committed results say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module

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


def test_every_benchmark_asks_for_what_is_there() -> None:
    missing = []
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "boneage":
                module = import_module(node.module or "")
                missing += [
                    f"{path.name}: {node.module}.{one.name}" for one in node.names if not _has(module, one.name)
                ]
    assert missing == []


def _has(module: object, name: str) -> bool:
    try:
        return hasattr(module, name) or bool(import_module(f"{module.__name__}.{name}"))  # type: ignore[attr-defined]
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_files_that_the_docs_name_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(
        r"(?<![\w/])((?:src|docs|benchmarks|tests|packages)/[\w./-]*\w\.(?:py|json|jsonl|csv|md|webp))\b", text
    )
    here = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    gone = {name for name in named if not (ROOT / name).exists() and not _may_be_absent(page, name)}
    gone |= {target for target in here if not ((ROOT / page).parent / target).exists()}
    assert gone == set()


def _may_be_absent(page: str, name: str) -> bool:
    """A name to be filled in; and the log says where results lay that are gone, with their commit."""
    return "NAME" in name or (page == "docs/log.md" and name.startswith("docs/results/"))
