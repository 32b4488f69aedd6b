"""A tiny network on a few synthetic films: what a test can train in a moment."""

from __future__ import annotations

from boneage.config import Config, override
from boneage.training.recipes import recipe

FILMS = 60
TINY = (  # a tiny network on the shared films: an epoch takes a fraction of a second
    "prepare.size=48",
    "model.hidden=16",
    "train.batch=16",
    "train.epochs=3",
    "train.precision=fp32",
)


def tiny_config(*settings: str) -> Config:
    """The recipe `tiny` made small, and ``section.field=value`` words on top."""
    return override(recipe("tiny"), [*TINY, *settings])
