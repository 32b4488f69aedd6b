"""What the node takes and sends: DICOM's own names, and no transfer syntax that is not read."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

pytest.importorskip("highdicom", reason="the node needs boneage[dicom]")

from boneage.apps.dicom.classes import SENT, SENT_SYNTAXES, STATUSES, SYNTAXES, TAKEN
from boneage.images.dicom_frame import _PLUGINS


@pytest.mark.parametrize(("uid", "name"), [*TAKEN.items(), *SENT.items()])
def test_names_are_the_standards(uid: str, name: str) -> None:
    assert UID(uid).name == name


def test_every_compressed_syntax_that_is_read_is_taken() -> None:
    assert {uid for uid in SYNTAXES if UID(uid).is_encapsulated} == _PLUGINS.keys()
    assert all(UID(uid).is_transfer_syntax for uid in SYNTAXES)
    assert set(SENT_SYNTAXES) <= SYNTAXES.keys()
    assert all(words for words in STATUSES.values())
