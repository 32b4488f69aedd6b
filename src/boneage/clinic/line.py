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
from .documents.fhir import summary
from .errors import Busy, Closing, NotAFilm
from .faults import log, log_fault
from .record import Judgement
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
            try:
                key = await self._next()
                if key is not None:
                    await self._read(key)
            except Exception as error:  # the line goes on, whatever a step that deals with errors has overlooked
                log_fault(error)
                await asyncio.sleep(POLL)

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
            self._put_back(key, log_fault(error), most=MOST_READINGS)

    async def _answer(self, key: str) -> None:
        data = await asyncio.to_thread(self._film, key)
        cases = await self.service.cases(data, NAME, ReadingRequest(who=WHO))
        decision = decision_on(self.spool, key)
        if decision is None and self.hold:
            return self._hold(key, cases)
        if decision is not None and not decision.holds_for(_answer(cases)):
            log.warning("film %s: it was decided on another reading than this one", key[:12])
            return self._hold(key, cases)
        if decision is not None:
            cases = [self._reviewed(key, case, decision) for case in cases]
        await asyncio.to_thread(self._put, key, [] if decision and decision.verdict is Verdict.REJECT else cases)
        self.after()
        has_age = any(case.months is not None for case in cases)
        log.info("film %s: read, %s", key[:12], "with an age" if has_age else "refused")

    def _put(self, key: str, cases: Sequence[Case]) -> None:
        """Put the documents down that somebody wants."""
        wanted = {name for names in self.destinations.values() for name in names}
        documents = [document for case in cases for document in bundle.dicom(case, wanted)]
        each = self.destinations.items()
        self.spool.put(
            key, documents, {to: [bundle.named(name, case) for case in cases for name in names] for to, names in each}
        )

    def _hold(self, key: str, cases: Sequence[Case]) -> None:
        for case in cases:
            bundle.check(case)
        parts = [case.answer.part for case in cases if case.answer.part]
        self.spool.hold(key, " ".join(map(summary, cases)), _answer(cases), parts)
        log.info("film %s: held", key[:12])

    def _film(self, key: str) -> bytes:
        try:
            return self.spool.film(key).read_bytes()
        except FileNotFoundError:
            raise NotAFilm("it is no longer in the spool") from None

    def _reviewed(self, key: str, case: Case, decision: Decision) -> Case:
        """The case with the decision on it, which goes into the record too."""
        review, number = decision.review.of(case.answer.part), case.answer.record
        verdict = (
            Verdict.ACCEPT if decision.verdict is Verdict.CORRECT and not review.is_correction else decision.verdict
        )
        log.info("film %s: %s by a reviewer", key[:12], verdict)
        if number is not None:
            judged = Judgement(verdict, review.bone_age_months, review.laterality, decision.reason)
            self.service.record.judge(number, judged, review.observer)
        return case.reviewed(review)

    def _fail(self, key: str, sentence: str) -> None:
        log.error("film %s: %s", key[:12], sentence)
        try:
            self.spool.fail(key, sentence)
        except CannotWrite as error:
            log.error("%s", error)

    def _put_back(self, key: str, sentence: str, most: int | None = None) -> None:
        """Read a film later; after ``most`` attempts it is given up."""
        try:
            tries = self.spool.put_back(key, sentence)
            if most is not None and tries >= most:  # other reasons may have put it back more often before
                self._fail(key, sentence)
            else:
                log.warning("film %s: %s: it will be read again", key[:12], sentence)
        except CannotWrite as error:
            log.error("%s", error)


def _answer(cases: Sequence[Case]) -> str:
    """What tells the answers about a film from others."""
    return "+".join(case.key for case in cases)
