"""The shape of the program: who may import whom, what starts without torch, and the habits that a test can hold."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import quantiles

import pytest
from command import child
from places import TESTS

import boneage
from boneage import Predictor, Sex, read
from boneage.apps.cli import app

ROOT = Path(boneage.__file__).parent
ROOMS = (  # lowest first: a module imports from its own room and from those above it in this list, never from below
    *(
        "sex_words",
        "types",
        "errors",
        "config",
        "files",
        "table",
        "progress",
        "caption",
        "model_file",
        "run_folder",
        "result_folder",
    ),
    *(
        "images",
        "growth",
        "hand",
        "models",
        "data",
        "reading",
        "evaluation",
        "study",
        "training",
        "clinic",
        "apps",
        "__main__",
    ),
)
HEAVY = {  # third-party packages and the only rooms that may name them
    "torch": {"models", "training"},
    "safetensors": {"training"},
    "onnx": {"training"},
    "onnxruntime": {"model_file"},
    "pydicom": {"images", "clinic", "apps"},
    "highdicom": {"clinic"},
    "pynetdicom": {"apps"},
    "dicomweb_client": {"apps", "reading"},
    "pyarrow": {"reading"},
    "fsspec": {"reading"},
    "ray": {"apps"},
    "matplotlib": {"evaluation"},
    "scipy": {"study"},
    "typer": {"apps"},
    "fastapi": {"apps"},
    "starlette": {"apps"},
    "uvicorn": {"apps"},
    "h11": {"apps"},
    "pydantic": {"clinic", "apps"},
    "python_multipart": {"apps"},
    "prometheus_client": {"clinic", "apps"},
    "reportlab": {"clinic"},
    "sqlalchemy": {"clinic"},
    "alembic": {"clinic"},
    "rich": {"progress"},
    "timm": {"models"},
    "tensorboard": set(),
}
BY_ITSELF = {"data.rsna_split", "training.locator", "training.regions", "training.regions_file"}  # run with python -m
LONGEST_FUNCTION, LONGEST_HANDLER, LONGEST_FILE = 60, 20, 400  # lines
USUAL_FUNCTION, NINE_IN_TEN = 7, 18  # lines: the median, and the 90th percentile
MOST_ROOMS = 26  # at the top
WORDED, MIRRORED, TESTS_TO_CORE = 0.95, 0.8, 0.85  # shares of the public names, of the modules; lines to lines

Function = ast.FunctionDef | ast.AsyncFunctionDef
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(), str(path)) for name, path in MODULES.items()}


def family(module: str) -> str:
    return module.partition(".")[0]


def statements(tree: ast.AST, *, lazy: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a module; with ``lazy`` also those inside functions; never those for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif lazy or not isinstance(node, Function):
            yield from statements(node, lazy=lazy)


def inner(module: str, *, lazy: bool) -> set[str]:
    """The modules of this package that a module imports."""
    found: set[str] = set()
    for node in statements(TREES[module], lazy=lazy):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*module.split(".")[: -node.level], *(node.module or "").split(".")]
            stem = ".".join(part for part in base if part)
            names = {".".join(filter(None, (stem, alias.name))) for alias in node.names} & MODULES.keys()
            found |= names or ({stem, f"{stem}.__init__"} & MODULES.keys())
    return found - {module}


@cache
def outer(module: str) -> set[str]:
    """The other packages that a module names, lazily or not."""
    found: set[str] = set()
    for node in statements(TREES[module], lazy=True):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if isinstance(node, ast.Import) or not node.level:
            found |= {family(name) for name in names}
    return found


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(node: Function) -> int:
    """Lines of the body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


PARTS = sorted({family(module) for module in MODULES} - {"__init__"})


@pytest.mark.parametrize("room", PARTS)
def test_imports_run_downwards(room: str) -> None:
    assert room in ROOMS, f"give {room} a place"
    for module in (module for module in MODULES if family(module) == room):
        for used in inner(module, lazy=True):
            assert ROOMS.index(family(used)) <= ROOMS.index(room), f"{module} imports {used}, which lies higher"


def test_no_circles() -> None:
    tuple(TopologicalSorter({module: inner(module, lazy=False) for module in MODULES}).static_order())


@pytest.mark.parametrize("package", HEAVY)
def test_a_heavy_package_is_named_only_where_it_belongs(package: str) -> None:
    using = {family(module) for module in MODULES if package in outer(module)}
    assert using <= HEAVY[package]


def test_no_pickle_and_no_warnings_filtered_at_import() -> None:
    for name, tree in TREES.items():
        assert not outer(name) & {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}, name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                call, words = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert words.get("allow_pickle", "False") == "False", name
                assert call != "torch.load" or words.get("weights_only") == "True", name
        for statement in tree.body:
            assert "warnings." not in ast.unparse(statement) or isinstance(statement, (Function, ast.ClassDef)), name


def test_only_the_edges_and_progress_print() -> None:
    printing = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and "sys.stderr" not in ast.unparse(node)
    }
    assert {name for name in printing if family(name) != "apps"} <= {"progress", *BY_ITSELF}


def test_no_bare_except_and_no_module_without_a_word_on_itself() -> None:
    for name, tree in TREES.items():
        assert name == "apps.__init__" or ast.get_docstring(tree), name
        assert all(node.type for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)), name


def test_names_say_what_things_are() -> None:
    assert not {name.split(".")[-1] for name in MODULES} & {"utils", "util", "helpers", "helper", "common", "misc"}
    for name, tree in TREES.items():
        for node in functions(tree):
            assert not node.name.lstrip("_").startswith(("get_", "make_", "setup_", "process_")), f"{name}.{node.name}"


def test_functions_and_files_are_short() -> None:
    long = {f"{name}.{node.name}": length(node) for name, tree in TREES.items() for node in functions(tree)}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}
    tenths = quantiles(long.values(), n=10)
    assert tenths[4] <= USUAL_FUNCTION
    assert tenths[8] <= NINE_IN_TEN
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count >= LONGEST_FILE} == {}


def test_the_top_of_the_house_is_seen_at_a_glance() -> None:
    assert len([entry for entry in ROOT.iterdir() if entry.name != "__pycache__"]) <= MOST_ROOMS


def public(body: list[ast.stmt], above: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """Classes, functions and methods that others may use, by name."""
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield f"{above}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{above}.{node.name}")


def test_nearly_every_public_name_has_its_words() -> None:
    names = {name: node for module, tree in TREES.items() for name, node in public(tree.body, module)}
    silent = [name for name, node in names.items() if not ast.get_docstring(node)]
    assert len(silent) <= (1 - WORDED) * len(names), silent


def test_every_argument_and_every_result_has_its_type() -> None:
    for name, tree in TREES.items():
        for node in functions(tree):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [one.arg for one in arguments if not one.annotation and one.arg not in ("self", "cls", "ctx")]
            assert not bare, f"{name}.{node.name}: {bare}"
            assert node.returns or node.name == "__init__", f"{name}.{node.name}"


def test_tests_mirror_the_package() -> None:
    """A module is tested in the file of its name; there is nearly as much of tests as of what they test.

    The commands are short, and tested as a whole in tests/apps/test_cli.py.
    """
    apart = ("clinic.migrations", "apps.commands.")
    named = [name for name in MODULES if not name.endswith("__") and not name.startswith(apart)]
    mirrors = {name: TESTS.joinpath(*name.split(".")[:-1], f"test_{name.split('.')[-1]}.py") for name in named}
    without = [name for name, path in mirrors.items() if not path.exists()]
    assert len(without) <= (1 - MIRRORED) * len(named), without
    lines = {root: sum(path.read_text().count("\n") for path in root.rglob("*.py")) for root in (ROOT, TESTS)}
    assert lines[TESTS] >= TESTS_TO_CORE * lines[ROOT]


def test_commands_only_parse_call_and_show() -> None:
    rooms = [tree for name, tree in TREES.items() if name.startswith("apps.commands.")]
    handlers = [node for tree in rooms for node in functions(tree)]
    listed = [group.registered_commands for group in (app, *(below.typer_instance for below in app.registered_groups))]
    assert {node.name for node in handlers} == {one.callback.__name__ for group in listed for one in group}
    assert {node.name: length(node) for node in handlers if length(node) > LONGEST_HANDLER} == {}


def loaded(code: str) -> set[str]:
    """The packages of `HEAVY`, numpy and OpenCV that are in memory after ``code`` in a fresh process."""
    names = sorted({*HEAVY, "numpy", "cv2", "PIL"})
    ask = f"import sys, json\n{code}\nprint(json.dumps([m for m in {names} if m in sys.modules]))"
    ended = child(code=ask)
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout.splitlines()[-1]))


def test_help_starts_without_anything_heavy() -> None:
    code = "sys.argv = ['boneage', '--help']\nfrom boneage.apps.cli import main\ntry: main()\nexcept SystemExit: pass"
    assert loaded(code) <= {"typer", "rich"}


def test_the_library_starts_without_anything_heavy() -> None:
    assert loaded("import boneage") == set()


@pytest.mark.parametrize(
    ("set_before", "found"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_threads_of_openmp_hardly_spin_unless_somebody_wants_them_to(
    set_before: dict[str, str], found: str | None
) -> None:
    """It asks once, when torch is loaded: so the package says it first."""
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {name: value for name, value in os.environ.items() if name not in names} | set_before
    code = "import os, boneage; print(os.environ.get('GOMP_SPINCOUNT'))"
    assert child(code=code, env=environment).stdout == f"{found}\n"


def test_films_are_read_where_nothing_of_training_is_installed(tiny_model: Path, films: Path) -> None:
    """As after the bare install: a film from Python, a table from the command line."""
    film = films / "images" / "1.png"
    blocked = ["torch", "safetensors", "onnx", "onnxscript", "matplotlib", "timm"]
    code = (
        "import sys\n"
        f"for name in {blocked}: sys.modules[name] = None\n"
        "import boneage\n"
        f"model = boneage.Predictor.load({str(tiny_model)!r})\n"
        f"print(model.read(boneage.read({str(film)!r}), boneage.Sex.FEMALE).bone_age_months)\n"
        "from boneage.apps.cli import main\n"
        "main()\n"
    )
    ended = child("predict", films / "boneage-training-dataset.csv", "--model", tiny_model, "--json", code=code)
    assert ended.returncode == 0, ended.stderr
    months, *lines = ended.stdout.splitlines()
    assert float(months) == Predictor.load(tiny_model).read(read(film), Sex.FEMALE).bone_age_months
    assert len(lines) == len(list((films / "images").iterdir()))


def test_the_handful_of_names() -> None:
    assert all(hasattr(boneage, name) for name in boneage.__all__)
    assert sys.modules["boneage"].__doc__
