"""Keeps the pixels of read films beside the record. Off unless a folder is given."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from ..errors import BadConfig
from ..files import refuse_unwritable, remove_leftovers, replacing
from ..types import Radiograph


class FilmStore:
    """A folder with one 16-bit PNG a film, named by the SHA-256 of its file. Nothing else of the file is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writing = threading.Lock()

    @classmethod
    def open(cls, folder: Path, *, recorded: bool) -> FilmStore:
        """Open a folder; if it does not exist it is made, readable by its owner alone.

        Args:
            folder: where the films are.
            recorded: whether the service has a record.

        Raises:
            BadConfig: without a record.
            CannotWrite: if the folder cannot be written.
        """
        if not recorded:
            raise BadConfig("--keep-films needs --record: a film without its reading says nothing")
        refuse_unwritable(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_leftovers(folder)
        return cls(folder)

    def add(self, film: Radiograph) -> None:
        """Keep a film unless it is there already; CannotWrite if the folder or the disk does not take it."""
        path = self.folder / f"{film.sha256}.png"
        if path.exists():
            return
        _, png = cv2.imencode(".png", np.rint(film.pixels * 65535).astype(np.uint16))
        with self._writing, replacing(path) as temporary:
            temporary.touch(0o600)
            temporary.write_bytes(png.tobytes())
