"""The service: the bytes of a film and a request become an answer, a bounded number of films at a time."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TypeVar

import cv2
import numpy as np

from ..data import phantom
from ..errors import CannotWrite, UnreadableImage
from ..images.decoder_pool import DecodedFilm, DecoderPool
from ..reading.examination import Examination
from ..reading.occlusion import Layers
from ..reading.predictor import Predictor
from ..reading.regional import Regional
from ..types import Identity, Radiograph, Reading, Sex
from .answering import case_from
from .answers import Answer, HandAnswer, ReadingRequest
from .counters import Counters
from .described import described
from .documents.case import Case
from .errors import Busy, Closing, NoRecord, NotAFilm
from .faults import log
from .film_store import FilmStore
from .limits import Limits
from .pseudonyms import Pseudonyms
from .queue import Queue
from .record import Record

Explain = Callable[[Examination, Sex], Layers]
SHOWN_SIDE = 2048  # pixels: the longer side of a film that is shown
DRAIN_POLL = 0.05  # seconds
T = TypeVar("T")


class Service:
    """Reads films with one predictor, some at a time, the others in a queue; use its methods from one event loop.

    Args:
        predictor: what reads the films.
        limits: sizes, times and numbers.
        record: where readings are kept; None: they are not.
        films: where the pixels of read films are kept; None: they are not.
        explain: computes the heat map of a film; None: there are no heat maps.
        regional: tells ages by region; None: there are none.
    """

    def __init__(
        self,
        predictor: Predictor,
        limits: Limits,
        *,
        record: Record | None = None,
        films: FilmStore | None = None,
        explain: Explain | None = None,
        regional: Regional | None = None,
    ) -> None:
        self.predictor, self.limits, self.films = predictor, limits, films
        self.explain, self.regional = explain, regional
        self._record = record
        self.pseudonyms = record.pseudonyms if record else Pseudonyms.of_this_run()
        self.counters = Counters()
        self.decoders = DecoderPool(limits.decoders)
        self.queue = Queue(limits.running, limits.waiting)
        self.counters.inside.set_function(lambda: self.queue.inside)
        self._threads = ThreadPoolExecutor(limits.running, "reading")
        self._closed = False

    @property
    def keeps_record(self) -> bool:
        """Whether readings are kept."""
        return self._record is not None

    @property
    def record(self) -> Record:
        """The record; NoRecord if readings are not kept."""
        if self._record is None:
            raise NoRecord
        return self._record

    def warm_up(self) -> None:
        """Read a synthetic hand a few times in every thread, so that the first real film is read as fast as any.

        It loads what is loaded once, and allocates the memory that as many readings at a time need.
        """
        hand = phantom.draw(np.random.default_rng(0), months=120, sex=Sex.FEMALE, plain=True)
        _, png = cv2.imencode(".png", hand.pixels)
        films = [png.tobytes()] * (4 * self.limits.running)  # after one each, readings that overlap still need more
        list(self._threads.map(lambda film: self._read(film, "warm-up", ReadingRequest(), keep=False), films))

    async def drain(self) -> None:
        """Take no new film, and wait for those inside, for ``limits.drain_seconds`` at most; then give them up."""
        self.queue.closed = True
        end = monotonic() + self.limits.drain_seconds
        while self.queue.inside and monotonic() < end:
            await asyncio.sleep(DRAIN_POLL)
        if self.queue.inside:
            self.queue.give_up()
        while self.queue.inside:
            await asyncio.sleep(0)

    def close(self) -> None:
        """End decoders and threads. Films that still wait are not read; threads of films given up are not waited for:
        they end when their film is read."""
        self._closed = True
        self.decoders.close()
        self._threads.shutdown(wait=not self.queue.given_up, cancel_futures=True)

    async def read(self, data: bytes, name: str, request: ReadingRequest) -> Answer:
        """Read a film, and keep the reading if there is a record and the request does not forbid it.

        Of a picture of two hands each is read and kept by itself, or the one that the request or the file names.

        Args:
            data: the bytes of the file.
            name: the file's name, for the answer.
            request: sex, age and so on, as far as they are known.

        Raises:
            NotAFilm: if the file cannot be read as a radiograph.
            Busy: if too many films are waiting.
            Closing: if the service is about to end.
        """
        answer, _ = await self._timed(lambda: self._read(data, name, request, keep=True))
        return answer

    async def read_film(self, data: bytes, name: str, request: ReadingRequest) -> tuple[Answer, Radiograph]:
        """The same, with the film as `show` gives it; the reading is not kept."""

        def work() -> tuple[Answer, Radiograph]:
            answer, film = self._read(data, name, request, keep=False)
            return answer, _reduced(film)

        return await self._timed(work)

    async def cases(self, data: bytes, name: str, request: ReadingRequest) -> list[Case]:
        """Read a film for its documents, of one hand or of each of two; keeps readings and raises as `read` does."""

        def work() -> list[Case]:
            film = self.decoders.decode(data)
            hands = self.predictor.examine_each(film.radiograph, request.side, request.part)
            answers = [self._of_hand(seen, film, name, request, keep=request.keep) for seen in hands]
            return [case_from(answer, seen, film.radiograph) for answer, seen in zip(answers, hands, strict=True)]

        return await self._timed(work)

    async def identify(self, data: bytes) -> Identity | None:
        """Whose film it is and from which study; None for what is not DICOM. Raises as `read` does."""
        return await self._in_turn(lambda: self.decoders.decode(data).radiograph.identity)

    async def show(self, data: bytes) -> Radiograph:
        """Decode a film for a viewer, over the whole range of its values, reduced to `SHOWN_SIDE` pixels on its longer
        side; raises as `read` does."""
        film = await self._in_turn(lambda: _reduced(self.decoders.decode(data, whole_range=True).radiograph))
        self.counters.readings.labels("shown").inc()
        return film

    def expect_film(self) -> None:
        """Raise `Busy` or `Closing` if a film would not be taken now, before an edge receives its bytes."""
        try:
            self.queue.check()
        except (Busy, Closing):
            self.counters.readings.labels("refused").inc()
            raise

    async def _timed(self, work: Callable[[], T]) -> T:
        """Do the work of a reading, and count it; the time includes that in the queue."""
        began = monotonic()
        found = await self._in_turn(work)
        self.counters.seconds.observe(monotonic() - began)
        self.counters.readings.labels("read").inc()
        return found

    async def _in_turn(self, work: Callable[[], T]) -> T:
        """Do the work in a thread when its turn comes; its UnreadableImage becomes NotAFilm."""
        try:
            async with self.queue.turn():
                if self._closed:
                    raise Closing
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (Busy, Closing):
            self.counters.readings.labels("refused").inc()
            raise
        except UnreadableImage as error:
            self.counters.readings.labels("unreadable").inc()
            raise NotAFilm(str(error)) from None
        finally:
            self.counters.deaths.set(self.decoders.deaths)

    def _read(self, data: bytes, name: str, request: ReadingRequest, *, keep: bool) -> tuple[Answer, Radiograph]:
        """The answer, and its film, from one decoding of the file."""
        film = self.decoders.decode(data)
        whole = self.predictor.examine(film.radiograph)
        hands = self.predictor.examine_each(whole, request.side, request.part)
        each = [self._of_hand(seen, film, name, request, keep=keep and request.keep) for seen in hands]
        if len(each) == 1:
            return Answer(**dict(each[0])), film.radiograph
        picture = self._answer(self._of_picture(whole, name, request), whole, film, request, None)
        return Answer(**dict(picture), hands=each), film.radiograph

    def _of_hand(
        self, seen: Examination, film: DecodedFilm, name: str, request: ReadingRequest, *, keep: bool
    ) -> HandAnswer:
        """The answer for one hand, which is kept as a row of its own."""
        regional = self.regional if request.regions else None
        reading = dataclasses.replace(self.predictor.read(seen, request.sex, regional=regional), file=name)
        answer = self._answer(reading, seen, film, request, self._layers(seen, reading, request))
        if self._record and keep:
            self._keep(self._record, reading, film.radiograph, answer, request)
        return answer

    def _of_picture(self, whole: Examination, name: str, request: ReadingRequest) -> Reading:
        """The refused reading of a picture of two hands: what else was found on it belongs to neither."""
        reading = self.predictor.read(whole, request.sex)
        refusing = tuple(flag for flag in reading.flags if flag.code == "several_hands")
        return dataclasses.replace(reading, file=name, flags=refusing)

    def _layers(self, seen: Examination, reading: Reading, request: ReadingRequest) -> Layers | None:
        """The heat map if one is asked for; a film without an age has none."""
        if self.explain is None or not request.heatmap or reading.bone_age_months is None:
            return None
        return self.explain(seen, reading.sex)

    def _answer(
        self, reading: Reading, seen: Examination, film: DecodedFilm, request: ReadingRequest, layers: Layers | None
    ) -> HandAnswer:
        patient = self.pseudonyms.of(request.patient_id or film.patient)
        age = request.chronological_age_months
        return described(reading, seen, film.radiograph, age, patient, layers, self.regional)

    def _keep(
        self, record: Record, reading: Reading, film: Radiograph, answer: HandAnswer, request: ReadingRequest
    ) -> None:
        """Put the reading into the record and its film into the folder; the answer says so if that fails."""
        try:
            answer.record = record.add(
                reading.to_dict(),
                who=request.who,
                patient=answer.patient,
                age=answer.chronological_age_months,
                instead_of=request.instead_of,
            )
            if self.films:
                self.films.add(film)
        except CannotWrite as error:
            answer.not_kept = f"the {'film' if answer.record else 'reading'} could not be kept: {error}"
            log.error(answer.not_kept)


def _reduced(film: Radiograph) -> Radiograph:
    height, width = film.pixels.shape
    scale = SHOWN_SIDE / max(height, width)
    if scale >= 1:
        return film
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return dataclasses.replace(film, pixels=cv2.resize(film.pixels, size, interpolation=cv2.INTER_AREA))
