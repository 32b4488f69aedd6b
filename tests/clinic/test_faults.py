"""Faults: the log says where they were, and repeats nothing that may name a patient."""

from __future__ import annotations

import pytest

from boneage.clinic.faults import SENTENCE, log_fault


def test_the_log_has_kind_and_place_alone(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError) as raised:
        raise RuntimeError("DOE^JANE")
    assert log_fault(raised.value) == SENTENCE
    assert caplog.messages[0].startswith("RuntimeError in test_faults.py:")
    assert "DOE" not in caplog.text
