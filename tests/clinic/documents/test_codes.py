"""The codes: they fit DICOM's fields, and say what DICOM's own dictionary says."""

from __future__ import annotations

import pytest
from pydicom.sr.codedict import Code as Known
from pydicom.sr.codedict import codes as known

from boneage.clinic.documents import codes
from boneage.hand.flags import CODES


@pytest.mark.parametrize("code", [*codes.ALL, *map(codes.of_flag, CODES)], ids=lambda code: code.value)
def test_a_code_fits_its_fields(code: codes.Code) -> None:
    assert 0 < len(code.meaning) <= 64
    assert code.scheme in ("LN", "SCT", "DCM", "UCUM", codes.OWN)
    assert len(code.value) <= 16 or code.scheme == codes.OWN


def test_they_mean_what_the_standard_says() -> None:
    meanings: dict[tuple[str, str], set[str]] = {}
    for scheme in ("DCM", "SCT"):
        listing = getattr(known, scheme)
        for one in (getattr(listing, name) for name in dir(listing)):
            for each in [one] if isinstance(one, Known) else list(one.values()) if isinstance(one, dict) else []:
                meanings.setdefault((scheme, each.value), set()).add(each.meaning.lower())
    checked = [code for code in codes.ALL if (code.scheme, code.value) in meanings]
    assert len(checked) >= 8
    for code in checked:
        assert code.meaning.lower() in meanings[code.scheme, code.value], code
