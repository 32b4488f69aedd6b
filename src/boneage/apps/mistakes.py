"""How the program ends where something is wrong: with a sentence, not with a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import INTERRUPTED, REQUEUE, BoneAgeError, Preempted

EXTRA = {  # the optional install that a package belongs to
    **dict.fromkeys(("torch", "safetensors", "onnx", "onnxscript", "matplotlib"), "train"),
    "scipy": "study",
    **dict.fromkeys(
        ("fastapi", "uvicorn", "sqlalchemy", "alembic", "prometheus_client", "python_multipart", "reportlab"), "serve"
    ),
    **dict.fromkeys(("pyarrow", "fsspec"), "archive"),
    "ray": "ray",
    **dict.fromkeys(("highdicom", "pynetdicom", "dicomweb_client", "pydantic"), "dicom"),
}


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Turn the errors that a person may cause into one sentence on standard error and an exit code."""
    try:
        yield
    except BoneAgeError as error:
        _fail(str(error), 2)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        _fail(f"this needs boneage[{EXTRA[package]}]: {package} is not installed", 2)
    except OSError as error:
        if not error.filename:  # what is left to print cannot be printed either
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _fail(f"{error.filename or 'the output'}: {error.strerror or error}", 2)
    except Preempted:
        _fail("stopped by the scheduler; the state is saved: queue the same command again with --resume", REQUEUE)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _fail("stopped; what was done is kept, and a training run continues with --resume", INTERRUPTED)
        raise


def _fail(sentence: str, code: int) -> None:
    print(f"boneage: {sentence}", file=sys.stderr)
    sys.exit(code)
