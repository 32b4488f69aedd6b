"""The line from the spool through the service and back: films that arrived are read, and their documents put down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence

from ..errors import CannotWrite
from .answers import ReadingRequest
from .decisions import Decision, Verdict, decision_on
from .documents import bundle
from .documents.case import Case, NoDocument
from .documents.fhir import conclusion
from .errors import Busy, Closing, NotAFilm
from .faults import log, log_fault
from .service import Service
from .spool import MOST_READINGS, Spool

POLL = 0.5  # seconds between two looks at the spool, if nobody calls
WHO = "node"  # who asks for these readings, in the record
NAME = "film"  # of every film: the log and the answers know no other


class Line:
    """Reads the films of a spool, as many at a time as the service does.

    Args:
        service: what reads them.
        spool: where they lie, and where their documents are put.
        destinations: for each its name and the names of the documents that it gets.
        hold: keep films back after they are read, for a person to decide on them.
        after: called when documents were put.
    """

    def __init__(
        self,
        service: Service,
        spool: Spool,
        destinations: Mapping[str, Sequence[str]],
        *,
        hold: bool = False,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self.service, self.spool, self.destinations, self.hold, self.after = service, spool, destinations, hold, after
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._called = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="line")

    def start(self) -> None:
        """Begin to read, in a thread of its own."""
        self._thread.start()

    def call(self) -> None:
        """Say that a film has arrived."""
        self._called.set()

    def stop(self) -> None:
        """Read what is being read to its end, and nothing more."""
        self._stopping = True
        self._called.set()
        if self._thread.ident is not None:
            self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._work() for _ in range(self.service.limits.running)))

    async def _work(self) -> None:
        while not self._stopping:
            key = await self._next()
            if key is not None:
                await self._read(key)

    async def _next(self) -> str | None:
        """A film that is to be read; None after a while without one."""
        try:
            key = await asyncio.to_thread(self.spool.take)
        except CannotWrite as error:
            log.error("%s", error)
            key = None
        if key is None and not self._stopping:
            self._called.clear()
            await asyncio.to_thread(self._called.wait, POLL)
        return key

    async def _read(self, key: str) -> None:
        """Read one film; whatever goes wrong, it stays in the spool or is given up with a reason."""
        try:
            await self._answer(key)
        except (NotAFilm, NoDocument) as error:
            self._fail(key, str(error))
        except (Busy, Closing, CannotWrite) as error:
            self._put_back(key, str(error))
        except Exception as error:
            sentence = log_fault(error)
            (self._fail if self.spool.tries(key) + 1 >= MOST_READINGS else self._put_back)(key, sentence)

    async def _answer(self, key: str) -> None:
        data = await asyncio.to_thread(self.spool.film(key).read_bytes)
        case = await self.service.case(data, NAME, ReadingRequest(who=WHO))
        decision = decision_on(self.spool, key)
        if decision is None and self.hold:
            bundle.check(case)
            self.spool.hold(key, conclusion(case))
            log.info("film %s: held", key[:12])
            return
        if decision is not None:
            case = self._reviewed(key, case, decision)
            if decision.verdict is Verdict.REJECT:
                await asyncio.to_thread(self.spool.put, key, [], {})
                return
        wanted = {name for names in self.destinations.values() for name in names}
        documents = await asyncio.to_thread(bundle.dicom, case, wanted)
        await asyncio.to_thread(self.spool.put, key, documents, self.destinations)
        self.after()
        log.info("film %s: read, %s", key[:12], "refused" if case.months is None else "with an age")

    def _reviewed(self, key: str, case: Case, decision: Decision) -> Case:
        """The case with the decision on it, which goes into the record too."""
        log.info("film %s: %s by a reviewer", key[:12], decision.verdict)
        months, number = decision.review.bone_age_months, case.answer.record
        if months is not None and number is not None:
            self.service.record.review(number, months, decision.review.observer)
        return case.reviewed(decision.review)

    def _fail(self, key: str, sentence: str) -> None:
        log.error("film %s: %s", key[:12], sentence)
        try:
            self.spool.fail(key, sentence)
        except CannotWrite as error:
            log.error("%s", error)

    def _put_back(self, key: str, sentence: str) -> None:
        log.warning("film %s: %s: it will be read again", key[:12], sentence)
        try:
            self.spool.put_back(key, sentence)
        except CannotWrite as error:
            log.error("%s", error)
