"""Faults of the program: their kind and place go to the log, never their message, which may name a patient."""

from __future__ import annotations

import logging
import traceback

SENTENCE = "the service failed on this request, which is its own fault"

log = logging.getLogger("boneage.web")


def noted(error: Exception) -> str:
    """What the client is told of it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    log.error("%s in %s:%d", type(error).__name__, frame.filename.rpartition("/")[2], frame.lineno)
    return SENTENCE
