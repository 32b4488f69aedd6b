"""The errors a person at the edge may see. Each message is one sentence that names the file and the reason."""

from __future__ import annotations


class BoneAgeError(Exception):
    """Base of every error that is the input's fault, not the program's. Edges print it and exit with 2."""


class UnreadableImage(BoneAgeError):
    """The bytes are not a radiograph this program can read (corrupt, truncated, too large, not an image)."""


class BadTable(BoneAgeError):
    """A table or data folder is not what it should be (columns, ids, ages, sexes, missing files)."""


class BadModel(BoneAgeError):
    """A run folder, exported file or named model is missing, altered, cut short or does not fit this program."""


class BadConfig(BoneAgeError):
    """A recipe, a setting or a combination of settings does not exist or contradicts what is stored."""


class CannotWrite(BoneAgeError):
    """The output exists already, or its folder or disk does not take it."""


class OutsideReference(BoneAgeError):
    """The reference table has no row for this sex and chronological age."""
