"""The courier: a thread for each destination that brings it what waits in the spool, until it is there."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ...clinic.faults import log, log_fault
from ...clinic.spool import Parcel, Spool, wait
from ...errors import CannotWrite
from .destinations import Carrier, Interrupted, Unreachable

AT_ONCE = 30  # documents in one association
POLL = 1.0  # seconds between two looks at the spool, if nobody calls


class Courier:
    """Brings documents to one destination.

    Args:
        name: of the destination.
        carrier: how they get there.
        spool: where they wait.
        longest_wait: seconds between two attempts at most.
    """

    def __init__(self, name: str, carrier: Carrier, spool: Spool, longest_wait: float) -> None:
        self.name, self.carrier, self.spool, self.longest_wait = name, carrier, spool, longest_wait
        self._called, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"courier {name}")

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def call(self) -> None:
        """Say that there is something to bring."""
        self._called.set()

    def stop(self) -> None:
        """Bring what is on its way, and nothing more."""
        self._stop.set()
        self._called.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._called.clear()
            went_well, brought = self._bring()
            failures = 0 if went_well else failures + 1
            if failures:
                self._stop.wait(wait(failures, self.longest_wait))
            elif not brought:
                self._called.wait(POLL)

    def _bring(self) -> tuple[bool, int]:
        """Bring what is due; whether the destination could be reached, and how many documents were tried."""
        try:
            parcels = self.spool.parcels(self.name, AT_ONCE)
            if parcels:
                self._carry(parcels)
            return True, len(parcels)
        except Unreachable as error:
            log.warning("%s: it will be tried again", error)
            return False, 0
        except CannotWrite as error:
            log.error("%s", error)
        except Exception as error:
            log_fault(error)
        return False, 0

    def _carry(self, parcels: Sequence[Parcel]) -> None:
        """Bring documents. One that cannot be sent waits by itself: it keeps no other from its way."""
        left = list(parcels)
        try:
            for problem in self.carrier.carry([self.spool.document(parcel) for parcel in parcels]):
                parcel = left.pop(0)
                if problem is None:
                    self.spool.sent(parcel)
                else:
                    self._later(parcel, problem)
        except Interrupted as error:
            self._later(left[0], str(error))
            raise
        except Unreachable as error:
            self.spool.unreached(self.name, str(error))
            raise
        except CannotWrite:
            raise
        except Exception as error:
            log_fault(error)
            for parcel in left[:1]:
                self._later(parcel, f"{parcel.document} of film {parcel.film[:12]} cannot be sent: {_why(error)}")

    def _later(self, parcel: Parcel, sentence: str) -> None:
        log.warning("%s", sentence)
        self.spool.not_sent(parcel, sentence, longest=self.longest_wait)


def _why(error: Exception) -> str:
    """The system's reason for an error of a file; other errors name a class alone, as messages may hold a name."""
    return getattr(error, "strerror", None) or f"the program failed on it ({type(error).__name__})"
