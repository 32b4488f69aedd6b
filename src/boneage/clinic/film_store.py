"""Where the pixels of read films are kept, for whom the record alone is too little. Off unless asked for."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from ..errors import BadConfig
from ..files import refuse_unwritable, remove_leftovers, replacing
from ..types import Radiograph


class FilmFolder:
    """One PNG of 16 bits a film, as it was decoded and named by the SHA-256 of its file: nothing else of the file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writing = threading.Lock()

    @classmethod
    def open(cls, folder: Path, *, recorded: bool) -> FilmFolder:
        """Made, for its owner alone, if it is not there; BadConfig without a record, CannotWrite if it takes none."""
        if not recorded:
            raise BadConfig("--keep-films needs --record: a film without its reading says nothing")
        refuse_unwritable(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_leftovers(folder)
        return cls(folder)

    def add(self, film: Radiograph) -> None:
        """Keep a film, once; CannotWrite where the folder or the disk does not take it."""
        path = self.folder / f"{film.sha256}.png"
        if path.exists():
            return
        _, png = cv2.imencode(".png", np.rint(film.pixels * 65535).astype(np.uint16))
        with self._writing, replacing(path) as temporary:
            temporary.touch(0o600)
            temporary.write_bytes(png.tobytes())
