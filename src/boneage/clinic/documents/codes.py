"""The codes that the documents use, each with the words that its coding scheme has for it.

LN is LOINC, SCT SNOMED CT, DCM DICOM's own, UCUM the units. What none of them has is coded as `OWN`.
"""

from __future__ import annotations

from typing import NamedTuple

OWN = "99BONEAGE"


class Code(NamedTuple):
    """A code's value, its coding scheme and its meaning."""

    value: str
    scheme: str
    meaning: str


BONE_AGE = Code("85151-9", "LN", "XR Bone age")
TITLE = Code("126000", "DCM", "Imaging Measurement Report")  # of TID 1500: checkers skip a report with another one
STUDY = Code("37362-1", "LN", "XR Bone age")
GREULICH_PYLE = Code("252956001", "SCT", "Greulich and Pyle method")
IMAGING = Code("363679005", "SCT", "Imaging procedure")
HAND = Code("85562004", "SCT", "Hand")
CARPUS = Code("8205005", "SCT", "Carpus")
RADIUS_ULNA = Code("110535000", "SCT", "Radius and ulna")
THUMB = Code("76505004", "SCT", "Thumb")
REGIONS = {"carpals": CARPUS, "radius_ulna": RADIUS_ULNA, "ray_i": THUMB}  # those that SNOMED CT has one word for
SIDES = {"L": Code("7771000", "SCT", "Left"), "R": Code("24028007", "SCT", "Right")}
ALGORITHM_FAMILY = Code("123110", "DCM", "Artificial Intelligence")
SUBJECT_AGE = Code("121033", "DCM", "Subject Age")
Z_SCORE = Code("121416", "DCM", "Z-Score of measurement")
POPULATION_MEAN = Code("373098007", "SCT", "Mean Value of population")
POPULATION_SD = Code("121414", "DCM", "Standard deviation of population")
COMMENT = Code("121106", "DCM", "Comment")
AGE = Code("30525-0", "LN", "Age")
MONTHS = Code("mo", "UCUM", "month")
ONE = Code("1", "UCUM", "no units")

DIFFERENCE = Code("difference", OWN, "Bone age minus chronological age")
REGION_DIFFERENCE = Code("region_diff", OWN, "Bone age of a region minus that of the rest of the hand")
LOWEST = Code("low_90", OWN, "Lower bound of the 90 % interval")
HIGHEST = Code("high_90", OWN, "Upper bound of the 90 % interval")
OUTCOME = Code("outcome", OWN, "Outcome of the reading")
READ = Code("read", OWN, "The film was read")
REFUSED = Code("refused", OWN, "The film was refused, there is no age")
CORRECTED = Code("corrected", OWN, "Corrected by a reviewer")
FLAG = Code("flag", OWN, "Quality flag")
REASON = Code("reason", OWN, "Reason of the refusal")

ALL = (
    *(BONE_AGE, TITLE, STUDY, GREULICH_PYLE, IMAGING, HAND, *SIDES.values(), ALGORITHM_FAMILY, SUBJECT_AGE, Z_SCORE),
    *(POPULATION_MEAN, POPULATION_SD, COMMENT, AGE, MONTHS, ONE, DIFFERENCE, LOWEST, HIGHEST, OUTCOME),
    *(CARPUS, RADIUS_ULNA, THUMB, REGION_DIFFERENCE, READ, REFUSED, CORRECTED, FLAG, REASON),
)


def of_flag(code: str) -> Code:
    """The code of a quality flag (see `boneage.hand.flags.CODES`)."""
    return Code(code, OWN, code.replace("_", " "))
