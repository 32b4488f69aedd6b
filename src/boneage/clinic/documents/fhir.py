"""A reading as FHIR R4 resources: an Observation of the bone age, and a DiagnosticReport that holds it.

Both are plain JSON values. They carry the patient's id and the study's, as the film has them, and no name.
"""

from __future__ import annotations

from typing import Any

from ...reading.intervals import MEANING
from ...types import DISCLAIMER
from . import codes
from .case import Case, uid_of
from .header import MAKER, NO_DATE, moment
from .structured_report import sentences

SYSTEMS = {
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "UCUM": "http://unitsofmeasure.org",
    codes.OWN: "urn:oid:" + uid_of(MAKER, codes.OWN),
}
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SECTION = "http://terminology.hl7.org/CodeSystem/v2-0074"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
IN_SDS = {"system": SYSTEMS["UCUM"], "code": "{SD}", "unit": "SDS"}

Json = dict[str, Any]


def observation(case: Case) -> Json:
    """The Observation: its value is the bone age in months, absent with its reasons for a refused film."""
    imaging = {"system": CATEGORY, "code": "imaging", "display": "Imaging"}
    found: Json = {
        "resourceType": "Observation",
        "id": case.key[:32],
        **_meta(case),
        "identifier": [_own_identifier(case, "observation")],
        "status": _status(case),
        "category": [{"coding": [imaging]}],
        "code": _concept(codes.BONE_AGE),
        "method": _concept(codes.GREULICH_PYLE),
        "bodySite": _site(case),
        **_about(case),
        **_value(case),
        "note": [{"text": text} for text in sentences(case)],
    }
    found["component"] = _components(case)
    return {name: value for name, value in found.items() if value not in ([], None)}


def diagnostic_report(case: Case) -> Json:
    """The DiagnosticReport, with the Observation within it."""
    within = observation(case) | {"id": "bone-age"}
    section = {"system": SECTION, "code": "RAD", "display": "Radiology"}
    found: Json = {
        "resourceType": "DiagnosticReport",
        "id": uid_of(case.key, "report")[5:37],
        **_meta(case),
        "contained": [within],
        "identifier": [_own_identifier(case, "report")],
        "basedOn": _order(case),
        "status": _status(case),
        "category": [{"coding": [section]}],
        "code": _concept(codes.STUDY),
        **_about(case, study="imagingStudy", device=False),
        "result": [{"reference": "#bone-age"}],
        "conclusion": conclusion(case),
    }
    return {name: value for name, value in found.items() if value not in ([], None)}


def conclusion(case: Case) -> str:
    """The reading in a line of words."""
    return f"{summary(case)} {DISCLAIMER}"


def summary(case: Case) -> str:
    """The same without what it is not for; of one of two hands in a picture it says which."""
    of = f"{case.answer.part} hand in the picture: ".capitalize() if case.answer.part else ""
    if case.months is None:
        return f"{of}No bone age: the film was refused ({', '.join(case.refusals)})."
    interval, reference = case.interval, case.corrected.reference
    within = f" ({interval.level:.0%} interval {interval.low:.1f} to {interval.high:.1f})" if interval else ""
    against = f", SDS {reference.sds:+.2f} by {reference.table}" if reference.sds is not None else ""
    return f"{of}Bone age {case.months:.1f} months{within}{against}."


# --- parts ----------------------------------------------------------------------------------------------------------


def _status(case: Case) -> str:
    return "amended" if case.review and case.review.is_correction else "final"


def _meta(case: Case) -> Json:
    """A tag that marks the resource as no clinical one."""
    tag = {"system": SYSTEMS[codes.OWN], "code": "research", "display": DISCLAIMER}
    return {"meta": {"tag": [tag]}}


def _own_identifier(case: Case, what: str) -> Json:
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{case.uid(what)}"}


def _concept(code: codes.Code) -> Json:
    coding = {"system": SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}
    return {"coding": [coding], "text": code.meaning}


def _site(case: Case) -> Json:
    side = codes.SIDES.get(case.laterality or "")
    words = f"{side.meaning.lower()} hand" if side else "hand"
    found = [_concept(code)["coding"][0] for code in (codes.HAND, side) if code]
    return {"coding": found, "text": words}


def _about(case: Case, study: str = "derivedFrom", *, device: bool = True) -> Json:
    """Subject, study, time and device, as far as the film's file says."""
    owner, found = case.film.identity, Json()
    if owner and owner.patient_id:
        found["subject"] = {"type": "Patient", "identifier": {"value": owner.patient_id}}
    if owner and owner.study_uid:
        name = {"system": "urn:dicom:uid", "value": f"urn:oid:{owner.study_uid}"}
        found[study] = [{"type": "ImagingStudy", "identifier": name}]
    if owner and moment(owner)[0] != NO_DATE:
        day = moment(owner)[0]
        found["effectiveDateTime"] = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    if device:
        found["device"] = {"type": "Device", "display": _device(case)}
    return found


def _device(case: Case) -> str:
    answer = case.answer
    return f"{MAKER} {answer.version}, model {answer.model}, weights SHA-256 {answer.weights_sha256}"


def _order(case: Case) -> list[Json]:
    owner = case.film.identity
    if owner is None or not owner.accession_number:
        return []
    kind = {"coding": [{"system": IDENTIFIER_TYPE, "code": "ACSN", "display": "Accession ID"}]}
    return [{"type": "ServiceRequest", "identifier": {"type": kind, "value": owner.accession_number}}]


def _value(case: Case) -> Json:
    if case.months is None:
        reason = {"system": ABSENT, "code": "not-performed", "display": "Not Performed"}
        own = [_concept(codes.of_flag(code))["coding"][0] for code in case.refusals]
        return {"dataAbsentReason": {"coding": [reason, *own], "text": conclusion(case)}}
    reference = case.corrected.reference
    found: Json = {"valueQuantity": _in_months(case.months)}
    if reference.mean_months is not None and reference.sd_months is not None:
        low, high = (reference.mean_months + side * 2 * reference.sd_months for side in (-1, 1))
        words = f"mean \N{PLUS-MINUS SIGN} 2 SD at this chronological age: {reference.table}"
        found["referenceRange"] = [{"low": _in_months(low), "high": _in_months(high), "text": words}]
    return found


def _components(case: Case) -> list[Json]:
    """Interval, chronological age, difference and SDS; none for a refused film."""
    if case.months is None:
        return []
    found, interval, reference = list[Json](), case.interval, case.corrected.reference
    if interval:
        ends = {"low": _in_months(interval.low), "high": _in_months(interval.high)}
        words = f"{interval.level:.0%} prediction interval. {MEANING}"
        found.append({"code": {"text": words}, "valueRange": ends})
    if case.answer.chronological_age_months is not None:
        age = _in_months(case.answer.chronological_age_months)
        found.append({"code": _concept(codes.AGE), "valueQuantity": age})
    if reference.difference_months is not None and reference.sds is not None:
        difference = _in_months(reference.difference_months)
        found.append({"code": _concept(codes.DIFFERENCE), "valueQuantity": difference})
        score = {"value": reference.sds, **IN_SDS}
        found.append({"code": {"text": f"SDS by {reference.table}"}, "valueQuantity": score})
    return found


def _in_months(value: float) -> Json:
    code = codes.MONTHS
    return {"value": round(value, 2), "unit": "months", "system": SYSTEMS[code.scheme], "code": code.value}
