"""What schemathesis is told of this service: what a film is, as no schema can say it."""

from __future__ import annotations

import cv2
import numpy as np
import schemathesis
from hypothesis import strategies as st

from boneage.phantom import draw


def _films() -> list[bytes]:
    hands = [draw(np.random.default_rng(seed), size=96).pixels for seed in range(4)]
    return [cv2.imencode(ending, hand)[1].tobytes() for hand in hands for ending in (".png", ".jpg")]


def _dicom() -> bytes:
    from dicom_files import dicom, written

    return written(dicom())


FILMS = st.sampled_from(_films())
schemathesis.openapi.format("binary", FILMS)
schemathesis.openapi.format("json", st.just("[[60.0, 66.0], [90.0, 93.5]]"))
schemathesis.openapi.media_type("image/png", FILMS)
schemathesis.openapi.media_type("image/jpeg", FILMS)
schemathesis.openapi.media_type("application/dicom", st.just(_dicom()))
