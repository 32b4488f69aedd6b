"""The errors that a person may see. Each message is one sentence that names the file and the reason."""

from __future__ import annotations

INTERRUPTED = 130  # exit code after Ctrl-C
REQUEUE = 75  # exit code after a scheduler's signal, EX_TEMPFAIL of sysexits.h: to be tried again


def shown(name: str) -> str:
    """A name as it can be printed in one line: control characters and what is no text are escaped, as ``\\n``."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in name
    )


class BoneAgeError(Exception):
    """Base of all errors that the input causes, not the program. The command line prints it and exits with code 2.

    The message may name a file: what cannot be printed in it is escaped.
    """

    def __str__(self) -> str:
        return "\n".join(map(shown, super().__str__().split("\n")))


class UnreadableImage(BoneAgeError):
    """The bytes are no radiograph that this program reads: damaged, cut short, too large or no image."""


class BadTable(BoneAgeError):
    """A table or data folder is wrong: its columns, ids, ages or sexes, or films that are not there."""


class BadModel(BoneAgeError):
    """A run folder, model file or named model is missing, altered, cut short or of another version."""


class BadConfig(BoneAgeError):
    """A recipe or setting does not exist, or contradicts another or what a run has stored."""


class MissingPackage(BadConfig):
    """A package that a source of films needs is not installed: no fault of the source, nor of any film."""


class CannotWrite(BoneAgeError):
    """An output cannot be written: it exists already, its folder is closed or its disk is full."""


class OutsideReference(BoneAgeError):
    """The reference table has no row for this sex and chronological age."""


class Preempted(Exception):
    """A scheduler has asked the program to end; what was done is saved, and the same work can be queued again."""
