"""The errors that a person may see. Each message is one sentence that names the file and the reason."""

from __future__ import annotations


class BoneAgeError(Exception):
    """Base of all errors that the input causes, not the program. The command line prints it and exits with code 2."""


class UnreadableImage(BoneAgeError):
    """The bytes are no radiograph that this program reads: damaged, cut short, too large or no image."""


class BadTable(BoneAgeError):
    """A table or data folder is wrong: its columns, ids, ages or sexes, or films that are not there."""


class BadModel(BoneAgeError):
    """A run folder, model file or named model is missing, altered, cut short or of another version."""


class BadConfig(BoneAgeError):
    """A recipe or setting does not exist, or contradicts another or what a run has stored."""


class CannotWrite(BoneAgeError):
    """An output cannot be written: it exists already, its folder is closed or its disk is full."""


class OutsideReference(BoneAgeError):
    """The reference table has no row for this sex and chronological age."""
