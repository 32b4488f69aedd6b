"""A strip below a picture that says what made it and what it is not for."""

from __future__ import annotations

import cv2
import numpy as np

LINE, MARGIN, SIZE = 16, 6, 0.4  # pixels, pixels, of the font


def captioned(picture: np.ndarray, words: str) -> bytes:
    """A picture uint8 [H, W] or [H, W, 3] as PNG, its words below it, a line for each sentence, made to fit."""
    lines = words.encode("ascii", "replace").decode().replace(". ", ".\n").split("\n")
    strip = np.full((LINE * len(lines) + MARGIN, *picture.shape[1:]), 24, np.uint8)
    for number, line in enumerate(lines, 1):
        wide = max(1, cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, SIZE, 1)[0][0])
        size = SIZE * min(1.0, (picture.shape[1] - 2 * MARGIN) / wide)
        place = (MARGIN, LINE * number - 3)
        cv2.putText(strip, line, place, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 1, cv2.LINE_AA)
    return bytes(cv2.imencode(".png", np.vstack([picture, strip]))[1])
