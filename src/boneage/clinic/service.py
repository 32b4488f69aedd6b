"""The reading room without its doors: a film's bytes and some wishes become an answer, in a bounded line."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TypeVar

import cv2
import numpy as np

from ..data import phantom
from ..errors import CannotWrite, UnreadableImage
from ..reading.occlusion import Layers
from ..reading.occlusion import Region as Explained
from ..reading.predictor import Predictor
from ..types import Radiograph, Reading, Sex
from .answers import Answer, FilmFacts, FormWishes, Region, Wishes, against
from .counters import Counters
from .decoder_pool import Decoders, Film
from .faults import log
from .film_store import FilmFolder
from .limits import Limits, Refusal
from .queue import Line
from .record import Pseudonyms, Record

Explain = Callable[[Radiograph, Sex], Layers]
SHOWN = 2048  # pixels: the longer side of a film as a page shows it
T = TypeVar("T")


class Room:
    """One predictor, its decoders and the line before them.

    ``explain``: the layers over a film that say where the model looked, if there is such a thing. ``record``: where
    readings are kept, if they are; ``films``: where the pixels of their films are, if they are.
    """

    def __init__(
        self,
        predictor: Predictor,
        limits: Limits,
        *,
        record: Record | None = None,
        films: FilmFolder | None = None,
        explain: Explain | None = None,
    ) -> None:
        self.predictor, self.limits, self.record, self.films, self.explain = predictor, limits, record, films, explain
        self.pseudonyms = record.pseudonyms if record else Pseudonyms.of_this_run()
        self.counters = Counters()
        self.decoders = Decoders(limits)
        self.line = Line(limits.running, limits.waiting)
        self._threads = ThreadPoolExecutor(limits.running, "reading")
        self._closed = False

    def warm(self) -> None:
        """Read a drawn hand a few times in every thread: what is done once, and the memory that so many readings at a
        time need, is there before the first film comes."""
        hand = phantom.draw(np.random.default_rng(0), months=120, sex=Sex.FEMALE, plain=True)
        _, png = cv2.imencode(".png", hand.pixels)
        films = [png.tobytes()] * (4 * self.limits.running)  # after one each, readings that overlap still need more
        list(self._threads.map(lambda film: self._read(film, "warm-up", Wishes(), keep=False), films))

    def close(self) -> None:
        """End decoders and threads; a film that is still inside is not read any more."""
        self._closed = True
        self.decoders.close()
        self._threads.shutdown(cancel_futures=True)

    async def read(self, data: bytes, name: str, wishes: Wishes, *, keep: bool = True) -> Answer:
        """The reading of one film, in its turn; Refusal 422 for what is no film, 503 where the line is full.

        ``keep``: in the record, if there is one.
        """
        began = monotonic()
        answer = await self._in_turn(lambda: self._read(data, name, wishes, keep=keep))
        self.counters.seconds.observe(monotonic() - began)
        self.counters.readings.labels("read").inc()
        return answer

    async def decode(self, data: bytes) -> Radiograph:
        """The pixels of one film, in its turn, no larger than a page shows them."""
        film = await self._in_turn(lambda: _shown(self.decoders.decode(data).radiograph))
        self.counters.readings.labels("shown").inc()
        return film

    def expect_film(self) -> None:
        """Refusal 503 where a film that is about to be sent would not be taken now: it need not be sent."""
        try:
            self.line.check()
        except Refusal:
            self.counters.readings.labels("refused").inc()
            raise

    async def _in_turn(self, work: Callable[[], T]) -> T:
        try:
            async with self.line.turn():
                self.counters.inside.set(self.line.inside)
                if self._closed:
                    raise Refusal(503, "the service is closed", 10)
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Refusal:
            self.counters.readings.labels("refused").inc()
            raise
        except UnreadableImage as error:
            self.counters.readings.labels("unreadable").inc()
            raise Refusal(422, f"this file cannot be read: {error}") from None
        finally:
            self.counters.inside.set(self.line.inside)
            self.counters.deaths.set(self.decoders.deaths)

    def _read(self, data: bytes, name: str, wishes: Wishes, *, keep: bool) -> Answer:
        film = self.decoders.decode(data)
        reading = self.predictor.read(film.radiograph, wishes.sex)
        layers = self._layers(film.radiograph, reading) if wishes.heatmap else None
        answer = self._answer(dataclasses.replace(reading, file=name), film, wishes, layers)
        if self.record and keep and wishes.keep:
            self._keep(reading, film.radiograph, answer, wishes)
        return answer

    def _answer(self, reading: Reading, film: Film, wishes: Wishes, layers: Layers | None) -> Answer:
        told, given = film.radiograph.chronological_age, wishes.chronological_age_months
        age = told if given is None else given
        height, width = film.radiograph.pixels.shape
        patient = (wishes.patient_id if isinstance(wishes, FormWishes) else None) or film.patient
        facts = ("file", "bone_age_months", "sex", "sex_source", "model", "weights_sha256", "image_sha256", "version")
        plain = reading.to_dict()
        return Answer(
            **{name: plain[name] for name in (*facts, "flags", "intervals", "disclaimer")},
            chronological_age_months=age,
            age_source="given" if given is not None else "absent" if told is None else "dicom",
            reference=against(reading.bone_age_months, age, reading.sex),
            film=FilmFacts(
                format=film.radiograph.format,
                width=width,
                height=height,
                laterality=film.radiograph.laterality,
            ),
            patient=self.pseudonyms.of(patient),
            heatmap=None if layers is None else "data:image/png;base64," + base64.b64encode(layers.heat).decode(),
            regions=None if layers is None else [_region(region) for region in layers.regions],
        )

    def _layers(self, film: Radiograph, reading: Reading) -> Layers | None:
        """Of a film that has an age: nothing moves an age that is not there."""
        return self.explain(film, reading.sex) if self.explain and reading.bone_age_months is not None else None

    def _keep(self, reading: Reading, film: Radiograph, answer: Answer, wishes: Wishes) -> None:
        """Put it in the record, and its film in its folder; where that fails, the reading is given, and says so."""
        assert self.record is not None
        who, corrected = (wishes.who, wishes.instead_of) if isinstance(wishes, FormWishes) else ("", None)
        try:
            answer.record = self.record.add(
                reading.to_dict(),
                who=who,
                patient=answer.patient,
                age=answer.chronological_age_months,
                instead_of=corrected,
            )
            if self.films:
                self.films.add(film)
        except CannotWrite as error:
            answer.not_kept = f"the {'film' if answer.record else 'reading'} could not be kept: {error}"
            log.error(answer.not_kept)


def _region(region: Explained) -> Region:
    lines = [[(round(x, 4), round(y, 4)) for x, y in line.tolist()] for line in region.outlines]
    return Region(name=region.name, share=round(region.share, 4), outlines=lines)


def _shown(film: Radiograph) -> Radiograph:
    height, width = film.pixels.shape
    scale = SHOWN / max(height, width)
    if scale >= 1:
        return film
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return dataclasses.replace(film, pixels=cv2.resize(film.pixels, size, interpolation=cv2.INTER_AREA))
