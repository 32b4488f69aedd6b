"""The structured reports: read back by highdicom, and checked by three programs of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from clinical_films import HEADER, case, film, opened, plain_case, refused_case
from highdicom.sr import Comprehensive3DSR, ComprehensiveSR, srread
from pydicom.dataset import Dataset
from regional import told
from validators import dciodvfy, dsrdump

from boneage.clinic.answers import RegionalAge, RegionalAges
from boneage.clinic.documents import codes
from boneage.clinic.documents import structured_report as reports
from boneage.clinic.documents.case import Case, Review
from boneage.hand.bone_regions import REGIONS

KINDS: dict[str, tuple[Callable[[Case], bytes], type]] = {
    "3d": (reports.comprehensive_3d, Comprehensive3DSR),
    "older": (reports.comprehensive, ComprehensiveSR),
}


def items(dataset: Dataset) -> list[Dataset]:
    """All content items of a report."""
    return [one for item in dataset.get("ContentSequence", ()) for one in (item, *items(item))]


def numbers(dataset: Dataset) -> dict[str, tuple[float, str]]:
    """Each number of a report with its unit, by the code of its name."""
    return {
        item.ConceptNameCodeSequence[0].CodeValue: (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for item in items(dataset)
        if item.ValueType == "NUM"
    }


def coded(dataset: Dataset, name: codes.Code) -> list[str]:
    """The values of the code items of a name."""
    found = [item for item in items(dataset) if item.ValueType == "CODE"]
    named = [item for item in found if item.ConceptNameCodeSequence[0].get("CodeValue") == name.value]
    values = [item.ConceptCodeSequence[0] for item in named]
    return [value.get("CodeValue") or value.LongCodeValue for value in values]


def words(dataset: Dataset) -> str:
    return "\n".join(item.TextValue for item in items(dataset) if item.ValueType == "TEXT")


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_reads_back_the_same_numbers(kind: str, tmp_path: Path) -> None:
    make, sop_class = KINDS[kind]
    plain = plain_case()
    path = tmp_path / "report.dcm"
    path.write_bytes(make(plain))
    found = srread(path)
    assert isinstance(found, sop_class)
    (group,) = found.content.get_image_measurement_groups()  # type: ignore[attr-defined]
    measured = {one.name.value: (one.value, one.unit.value) for one in group.get_measurements()}
    reference, interval = plain.answer.reference, plain.interval
    assert interval is not None
    assert plain.answer.chronological_age_months is not None
    assert measured == {
        codes.BONE_AGE.value: (plain.months, "mo"),
        codes.LOWEST.value: (interval.low, "mo"),
        codes.HIGHEST.value: (interval.high, "mo"),
        codes.SUBJECT_AGE.value: (round(plain.answer.chronological_age_months, 2), "mo"),
        codes.DIFFERENCE.value: (reference.difference_months, "mo"),
        codes.Z_SCORE.value: (reference.sds, "1"),
        codes.POPULATION_MEAN.value: (reference.mean_months, "mo"),
        codes.POPULATION_SD.value: (reference.sd_months, "mo"),
    }
    assert group.tracking_uid == plain.uid("tracking")
    (site,) = group.finding_sites
    assert (site.value.value, site.laterality.value) == (codes.HAND.value, codes.SIDES["L"].value)


def with_regions() -> Case:
    """A case with ages by region, and the words that go with them."""
    plain, found = plain_case(), told()
    names = {region.key: region.name for region in REGIONS}
    ages = [RegionalAge(**age.to_dict(), name=names[age.region], outlines=[]) for age in found.ages]
    regional = RegionalAges(model="regions", weights_sha256="ab" * 32, ages=ages, meaning="Judged by regions abab.")
    return replace(plain, answer=plain.answer.model_copy(update={"regional_ages": regional}))


def test_regions_that_have_a_code_are_measurements_with_their_finding_sites() -> None:
    found = opened(reports.comprehensive_3d(with_regions()))
    sited = {}
    for item in items(found):
        sites = [one for one in item.get("ContentSequence", ()) if _named(one) == "363698007"]
        if item.ValueType == "NUM" and sites:
            key = sites[0].ConceptCodeSequence[0].CodeValue, _named(item)
            sited[key] = float(item.MeasuredValueSequence[0].NumericValue)
            (side,) = sites[0].ContentSequence
            assert side.ConceptCodeSequence[0].CodeValue == codes.SIDES["L"].value
    carpus, forearm = codes.CARPUS.value, codes.RADIUS_ULNA.value
    assert sited == {
        (carpus, codes.BONE_AGE.value): 96.0,
        (carpus, codes.REGION_DIFFERENCE.value): -24.5,
        (forearm, codes.BONE_AGE.value): 118.0,
        (forearm, codes.REGION_DIFFERENCE.value): -2.5,
    }
    assert "carpals 96.0 (70 to 122), -24.5 against the rest, unusual" in words(found)
    assert "ray I not informative" in words(found)
    assert "Judged by regions abab." in words(found)
    plain = opened(reports.comprehensive_3d(plain_case()))
    assert found.SOPInstanceUID != plain.SOPInstanceUID
    assert "By region" not in words(plain)


def test_a_corrected_age_has_none_by_region() -> None:
    review = Review("Weiß^Ida", "Ward 9", datetime(2024, 3, 2), bone_age_months=130.0)
    assert "By region" not in words(opened(reports.comprehensive_3d(with_regions().reviewed(review))))


def _named(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].get("CodeValue"))


def test_it_names_film_model_version_weights_and_what_it_is_not_for() -> None:
    plain = plain_case()
    found = opened(reports.comprehensive_3d(plain))
    (image,) = [item for item in items(found) if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == HEADER["SOPInstanceUID"]
    for word in (plain.answer.weights_sha256, plain.answer.version, "Research use only", plain.answer.reference.table):
        assert word in words(found)
    assert (found.CompletionFlag, found.VerificationFlag) == ("COMPLETE", "UNVERIFIED")


@pytest.mark.parametrize("make", [reports.comprehensive_3d, reports.comprehensive])
def test_a_refused_film_has_a_report_with_reasons_and_no_number(make: Callable[[Case], bytes]) -> None:
    refused = refused_case()
    found = opened(make(refused))
    assert numbers(found) == {}
    assert coded(found, codes.OUTCOME) == [codes.REFUSED.value]
    assert coded(found, codes.REASON) == ["not_a_hand"]
    assert "hand_not_found" in coded(found, codes.FLAG)
    assert "no radiograph of one hand" in words(found)


def test_a_code_longer_than_sixteen_characters_is_a_long_code() -> None:
    flipped = case(film(ImageLaterality="R"))
    assert "laterality_contradicts" in coded(opened(reports.comprehensive(flipped)), codes.FLAG)


@pytest.mark.parametrize(("months", "outcome"), [(None, codes.READ), (140.0, codes.CORRECTED)])
def test_a_reviewed_report_is_verified_and_names_the_observer(months: float | None, outcome: codes.Code) -> None:
    review = Review("Róe^Ann", "Ward 9", datetime(2024, 3, 4, 5, 6, 7), bone_age_months=months)
    found = opened(reports.comprehensive_3d(plain_case().reviewed(review)))
    assert found.VerificationFlag == "VERIFIED"
    observer = found.VerifyingObserverSequence[0]
    assert (str(observer.VerifyingObserverName), observer.VerificationDateTime) == ("Róe^Ann", "20240304050607")
    assert coded(found, codes.OUTCOME) == [outcome.value]
    assert numbers(found)[codes.BONE_AGE.value][0] == (months or plain_case().months)
    assert ("reviewer's" in words(found)) == (months is not None)
    people = [str(item.PersonName) for item in items(found) if item.ValueType == "PNAME"]
    assert people == ["Róe^Ann"]


@pytest.mark.parametrize("kind", KINDS)
def test_programs_of_others_find_no_error(kind: str, tmp_path: Path) -> None:
    """Of a reading, a refusal and a correction."""
    make, _ = KINDS[kind]
    review = Review("Roe^Ann", "Ward 9", datetime(2024, 3, 4, 5, 6, 7), bone_age_months=140)
    for number, one in enumerate((plain_case(), refused_case(), plain_case().reviewed(review))):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(make(one))
        assert dciodvfy(path) == []
        assert ("XR Bone age" in dsrdump(path)) == (one.months is not None)
