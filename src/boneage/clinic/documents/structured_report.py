"""A reading as a structured report by the template of measurement reports (DICOM PS3.16, TID 1500).

The same content goes into a Comprehensive 3D SR, which IHE's profile AI Results asks for, and into a Comprehensive SR
for older systems. A refused film has a report with the reasons as codes, and without a number.
"""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    ComprehensiveSR,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.valuerep import DT, PersonName

from ...reading.intervals import MEANING
from ..answers import RegionalAge
from . import codes
from .case import Case, uid_of
from .header import MAKER, REPORTS, caution, file_of, moment, owned, placed

TRACKED = "bone age"
NOBODY = "reviewer^"  # for highdicom, which logs names that it doubts; the name itself is set after it
_CLASSES = (Comprehensive3DSR, ComprehensiveSR)
SOP_CLASSES = ("1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.88.33")  # of `_CLASSES`


def comprehensive_3d(case: Case) -> bytes:
    """The Comprehensive 3D SR of a case, as a DICOM file; NoDocument if the film has no study."""
    return _report(case, 0)


def comprehensive(case: Case) -> bytes:
    """The Comprehensive SR of a case, as a DICOM file; NoDocument if the film has no study."""
    return _report(case, 1)


def _report(case: Case, number: int) -> bytes:
    review = case.review
    sop_class = SOP_CLASSES[number]
    day, time = moment(case.owner)
    document = _CLASSES[number](
        evidence=[_evidence(case)],
        content=_content(case),
        series_instance_uid=case.uid(REPORTS.word),
        series_number=REPORTS.number,
        sop_instance_uid=case.uid(f"{sop_class} {number + 1}"),
        instance_number=number + 1,
        manufacturer=MAKER,
        is_complete=True,
        is_final=True,
        is_verified=review is not None,
        verifying_observer_name=NOBODY if review else None,
        verifying_organization=review.organisation if review else None,
        content_date=day,
        content_time=time,
    )
    owned(document, case)
    placed(document, case, REPORTS, sop_class, number + 1)
    if review:
        document.VerifyingObserverSequence[0].VerifyingObserverName = PersonName(review.observer)
        document.VerifyingObserverSequence[0].VerificationDateTime = DT(review.at.replace(microsecond=0))
    document.CodingSchemeIdentificationSequence = [_own_scheme()]
    for equipment in document.get("ContributingEquipmentSequence", ()):  # highdicom's name, and the time now
        del equipment.ContributionDateTime
    return file_of(document)


def _evidence(case: Case) -> Dataset:
    """The film as highdicom refers to it. The patient's fields are set by `owned`: what highdicom doubts it logs."""
    film, owner = Dataset(), case.owner
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(film, keyword, "")
    film.StudyDate = film.StudyTime = ""
    film.StudyInstanceUID, film.SeriesInstanceUID = owner.study_uid, owner.series_uid
    film.SOPClassUID, film.SOPInstanceUID = owner.sop_class_uid, owner.sop_instance_uid
    return film


def _own_scheme() -> Dataset:
    scheme = Dataset()
    scheme.CodingSchemeDesignator = codes.OWN
    scheme.CodingSchemeName = "boneage: quality flags and what no other scheme has"
    scheme.CodingSchemeResponsibleOrganization = MAKER
    return scheme


def concept(code: codes.Code) -> CodedConcept:
    """A code as highdicom has it."""
    return CodedConcept(code.value, code.scheme, code.meaning)


# --- content --------------------------------------------------------------------------------------------------------


def _content(case: Case) -> MeasurementReport:
    return MeasurementReport(
        observation_context=_observers(case),
        procedure_reported=concept(codes.IMAGING),
        imaging_measurements=[_group(case)],
        title=concept(codes.TITLE),
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            CodedConcept("en", "RFC5646", "English")
        ),
    )


def _observers(case: Case) -> ObservationContext:
    """The program, and the reviewer if there was one."""
    answer, person = case.answer, None
    device = DeviceObserverIdentifyingAttributes(
        uid=uid_of(MAKER, answer.version, answer.weights_sha256),
        name=MAKER,
        manufacturer_name=MAKER,
        model_name=answer.model,
        serial_number=answer.weights_sha256,
    )
    if case.review:
        attributes = PersonObserverIdentifyingAttributes(name=NOBODY, organization_name=case.review.organisation)
        attributes[0].PersonName = PersonName(case.review.observer)
        person = ObserverContext(CodedConcept("121006", "DCM", "Person"), attributes)
    program = ObserverContext(CodedConcept("121007", "DCM", "Device"), device)
    return ObservationContext(observer_person_context=person, observer_device_context=program)


def _group(case: Case) -> MeasurementsAndQualitativeEvaluations:
    """The one group of the report: what was measured on the film, and what there is to say of it."""
    side = codes.SIDES.get(case.laterality or "")
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=case.uid("tracking"), identifier=_tracked(case)),
        algorithm_id=_algorithm(case),
        finding_sites=[FindingSite(concept(codes.HAND), laterality=concept(side) if side else None)],
        measurements=list(_measurements(case)) or None,
        qualitative_evaluations=[QualitativeEvaluation(*map(concept, pair)) for pair in _findings(case)],
        source_images=[SourceImageForMeasurementGroup(case.owner.sop_class_uid, case.owner.sop_instance_uid)],
    )
    content: ContentSequence = group[0].ContentSequence
    content.extend(_comment(text) for text in sentences(case))
    return group


def _tracked(case: Case) -> str:
    return f"{TRACKED}, {case.answer.part} hand in the picture" if case.answer.part else TRACKED


def _algorithm(case: Case) -> AlgorithmIdentification:
    answer = case.answer
    return AlgorithmIdentification(
        name=f"{MAKER} {answer.model}",
        version=answer.version,
        parameters=[f"weights SHA-256 {answer.weights_sha256}", f"sex {answer.sex} ({answer.sex_source})"],
        family=concept(codes.ALGORITHM_FAMILY),
    )


def _measurements(case: Case) -> Iterator[Measurement]:
    """The numbers: none for a refused film, not even those of its header.

    All stand side by side. TID 300 would have mean and deviation below the bone age, as its properties; PixelMed's
    checker takes numbers there for those that a measurement is inferred from.
    """
    reference, months, interval = case.corrected.reference, case.months, case.interval
    if months is None:
        return
    yield _months(codes.BONE_AGE, months, method=concept(codes.GREULICH_PYLE))
    if interval:
        yield _months(codes.LOWEST, interval.low)
        yield _months(codes.HIGHEST, interval.high)
    if case.answer.chronological_age_months is not None:
        yield _months(codes.SUBJECT_AGE, case.answer.chronological_age_months)
    if reference.difference_months is not None and reference.sds is not None:
        yield _months(codes.DIFFERENCE, reference.difference_months)
        yield Measurement(concept(codes.Z_SCORE), _short(reference.sds), concept(codes.ONE))
    if reference.mean_months is not None and reference.sd_months is not None:
        yield _months(codes.POPULATION_MEAN, reference.mean_months)
        yield _months(codes.POPULATION_SD, reference.sd_months)
    yield from _regional(case)


def _regional(case: Case) -> Iterator[Measurement]:
    """The ages of the regions that have a code, and how they differ from the rest, each with its finding site.

    The others stand in the sentences.
    """
    side = codes.SIDES.get(case.laterality or "")
    for age in _regional_ages(case):
        if age.region not in codes.REGIONS or age.bone_age_months is None:
            continue
        site = FindingSite(concept(codes.REGIONS[age.region]), laterality=concept(side) if side else None)
        yield _months(codes.BONE_AGE, age.bone_age_months, sites=[site])
        if age.difference_months is not None:
            yield _months(codes.REGION_DIFFERENCE, age.difference_months, sites=[site])


def _regional_ages(case: Case) -> list[RegionalAge]:
    """The ages by region of a film whose age is the reading's own."""
    found = case.answer.regional_ages
    is_own = case.months is not None and case.months == case.answer.bone_age_months
    return found.ages if found and is_own else []


def _regional_sentences(case: Case) -> list[str]:
    told = []
    for age in _regional_ages(case):
        if age.bone_age_months is None or age.interval is None:
            told.append(f"{age.name} not informative")
            continue
        one = f"{age.name} {age.bone_age_months:.1f} ({age.interval.low:.0f} to {age.interval.high:.0f})"
        if age.difference_months is not None:
            one += f", {age.difference_months:+.1f} against the rest"
        told.append(one + (", unusual" if age.is_unusual else ""))
    found = case.answer.regional_ages
    return [f"By region, months (90 % interval): {'; '.join(told)}. {found.meaning}"] if told and found else []


def _months(
    code: codes.Code, value: float, method: CodedConcept | None = None, sites: list[FindingSite] | None = None
) -> Measurement:
    return Measurement(concept(code), _short(value), concept(codes.MONTHS), method=method, finding_sites=sites)


def _short(value: float) -> float:
    """A number that a decimal string of DICOM holds, without the dust of a subtraction."""
    return round(float(value), 2)


def _findings(case: Case) -> Iterator[tuple[codes.Code, codes.Code]]:
    """The outcome, the reasons of a refusal, and the flags, as codes."""
    is_corrected = case.review is not None and case.review.is_correction
    read = codes.CORRECTED if is_corrected else codes.READ
    yield codes.OUTCOME, codes.REFUSED if case.months is None else read
    for reason in case.refusals:
        yield codes.REASON, codes.of_flag(reason)
    for code in dict.fromkeys(flag.code for flag in case.answer.flags):
        if code not in case.refusals:
            yield codes.FLAG, codes.of_flag(code)


def sentences(case: Case) -> list[str]:
    """What a document says in words beside its numbers: flags, comparison, meaning of the interval, and the caution."""
    answer = case.answer
    found = [f"{flag.severity}: {flag.sentence}" for flag in answer.flags]
    reference = case.corrected.reference
    found.append(f"no comparison: {reference.refusal}" if reference.refusal else f"Reference table: {reference.table}.")
    if reference.age_half_width_months and reference.sds_low is not None and reference.sds_high is not None:
        ends = f"{reference.sds_low:+.2f} to {reference.sds_high:+.2f}"
        found.append(f"The chronological age is known in whole years: the SDS is {ends} within that year.")
    return [*found, *case.remarks, *_regional_sentences(case), *([MEANING] if case.interval else []), caution(case)]


def _comment(text: str) -> TextContentItem:
    return TextContentItem(concept(codes.COMMENT), text, RelationshipTypeValues.CONTAINS)
