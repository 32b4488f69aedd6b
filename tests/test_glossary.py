"""One word for one thing: docs, help texts and docstrings do not use the words that the glossary replaced."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from places import DOCS, ROOT

from boneage.apps.cli import app

SOURCE = ROOT / "src" / "boneage"
GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")
NUMBERS = r"(one|single|two|three|four|five|several|first|\d+)"
RETIRED = {  # what is said now: how it was said
    "view": rf"(--|\.|`)looks\b|\b{NUMBERS} looks?\b(?! at| like)|\b(model's|network's|the|whose|over) looks\b",
    "quick prediction": r"\bglances?\b",
    "predict_batch": r"\.told\b|\btold\(",
    "expected error": r"\berrors? to expect\b|\bspread_loss\b|\b(network's|own|no) spreads?\b|and spreads\b|/ spread\b",
    "distilled": r"_steady\b|\bsteady\b",
    "teacher": r"\btutors?\b",
    "distillation": r"\blessons?\b",
    "degraded": r"\b(un)?spoilt\b|\bspoils?\b",
    "robustness": r"\bstress(ed|es|ing)?\b",
    "quality flags": r"\bgates?\b",
    "ensemble": r"\bPanel\b|\bpanels? of (networks|them|several)\b",
    "sex not given": r"\bsex (is |was )?withheld\b|\bwithh(old|olding|eld)[-_ ](the[ _])?sex\b|\bsex_withheld\b",
    "quantise": r"--storage\b|`storage`|\bfor storage\b",
    "model file": r"\bexported (file|model|network)s?\b",
    "options": r"\b[Ww]ish(es)?\b",
    "processes": r"\bWorld\b",
    "plain words": r"\blikewise\b|\bfor who (asks|wants|has)\b|\bmade of words\b|\bwhat is told\b",
}


def docs() -> Iterator[tuple[str, str]]:
    """Every page, line by line; of the changelog what is newer than 0.1, without its table of old and new names."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
    pages += sorted((ROOT / "packages").glob("*/README.md"))
    newest = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n## 0.1.0")[0]
    texts = [(page, page.read_text(encoding="utf-8")) for page in pages]
    texts.append((ROOT / "CHANGELOG.md", re.sub(r"^\|.*$", "", newest, flags=re.MULTILINE)))
    for page, text in texts:
        for number, line in enumerate(text.splitlines(), start=1):
            yield f"{page.relative_to(ROOT)}:{number}", line


def helps() -> Iterator[tuple[str, str]]:
    """What every command says of itself, its arguments and its options."""
    waiting = [("boneage", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        yield name, command.help or ""
        for parameter in command.params:
            yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""
        waiting += [(f"{name} {word}", below) for word, below in getattr(command, "commands", {}).items()]


def docstrings() -> Iterator[tuple[str, str]]:
    """The docstring of every module, class and function, on one line; and the description of a reading."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = " ".join((ast.get_docstring(node) or "").split())
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text
    schema = SOURCE / "reading.schema.json"
    yield str(schema.relative_to(ROOT)), json.dumps(json.loads(schema.read_text(encoding="utf-8")), ensure_ascii=False)


@pytest.mark.parametrize("texts", [docs, helps, docstrings], ids=["docs", "help", "docstrings"])
def test_retired_words_are_gone(texts: object) -> None:
    assert callable(texts)
    found = [
        f"{where}: {match[0]!r}, now {now!r}"
        for where, text in texts()
        for now, then in RETIRED.items()
        for match in re.finditer(then, text)
    ]
    assert not found, "\n".join(found)


def test_every_term_has_a_place_that_is_there() -> None:
    rows = [line.strip("| ").split(" | ") for line in GLOSSARY.splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 20
    for term, meaning, where in rows:
        assert meaning.endswith("."), term
        assert all(find_spec(module) for module in re.findall(r"`([\w.]+)`", where)), term


def test_the_retired_words_are_recognised() -> None:
    old = "five looks, the gate, `glance`, the error to expect, a spoilt film, sex withheld, the exported file"
    new = "films that look alike, told by its content, a finger's spread, a first look at the data, looks like"
    assert len([then for then in RETIRED.values() if re.search(then, old)]) == 7
    assert [then for then in RETIRED.values() if re.search(then, new)] == []


def test_the_glossary_is_where_the_readme_says() -> None:
    assert "](docs/glossary.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert Path(DOCS / "glossary.md").exists()
