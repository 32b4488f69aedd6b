"""Faults of the program. The log gets their class and line, never their message, which may name a patient."""

from __future__ import annotations

import logging
import traceback

SENTENCE = "the service failed on this request, which is its own fault"

log = logging.getLogger("boneage.clinic")


def log_fault(error: Exception) -> str:
    """Log an unexpected error; returns the sentence to answer with."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    log.error("%s in %s:%d", type(error).__name__, frame.filename.rpartition("/")[2], frame.lineno)
    return SENTENCE
