"""The errors of the service. Each message is one sentence; each edge translates the classes into its own protocol."""

from __future__ import annotations


class ServiceError(Exception):
    """Base of all of them. ``retry_after``: seconds after which the same request may succeed; None: it will not."""

    retry_after: int | None = None


class Busy(ServiceError):
    """Too many films are waiting."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many films are waiting: try again in a moment")
        self.retry_after = retry_after


class Closing(ServiceError):
    """The service is about to end and takes no new film."""

    retry_after = 10

    def __init__(self) -> None:
        super().__init__("the service is closing: try again in a moment")


class NotAFilm(ServiceError):
    """The file is not a radiograph that can be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this file cannot be read: {reason}")


class TooManyJobs(ServiceError):
    """As many jobs run, or as many bytes of their films are in memory, as the limits allow."""

    retry_after = 30

    def __init__(self) -> None:
        super().__init__("too many jobs are running: try again later")


class TooManyFilms(ServiceError):
    """A job has more films than the limits allow."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"a job may have {limit} films at most, this has {count}")


class NoSuchJob(ServiceError):
    """No job has this id, or its results are no longer kept."""

    def __init__(self) -> None:
        super().__init__("there is no such job")


class NoRecord(ServiceError):
    """The service was started without a record."""

    def __init__(self) -> None:
        super().__init__("this service keeps no record")


class NoWorklist(ServiceError):
    """The service was started without a node whose results it shows."""

    def __init__(self) -> None:
        super().__init__("this service shows no node's results: start it with --node")


class NoDecision(ServiceError):
    """What was sent is no decision; one sentence."""


class NoSpool(ServiceError):
    """The node whose results are to be shown has not been started yet."""

    retry_after = 10


class NoSuchReading(ServiceError):
    """The record has no reading with this number, or none that may be changed."""

    def __init__(self) -> None:
        super().__init__("there is no such reading")


class NotYourTurn(ServiceError):
    """An answer of a reader that is not due; the message says why."""


class NoSuchShowing(ServiceError):
    """A reader has no film by this name in the session."""

    def __init__(self) -> None:
        super().__init__("there is no such film in this session")


class FilmChanged(ServiceError):
    """The file of a film is another than when the session was opened."""

    def __init__(self) -> None:
        super().__init__("the file of this film was changed or is gone since the session was opened")
