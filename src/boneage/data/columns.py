"""What the columns of a table mean: which holds the ids, the films, the bone ages, the sexes, and what their cells say.

A chronological age is no label, whatever its column is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import BadTable
from ..growth import facts_table
from ..images.formats import without_ending
from ..table import number
from ..types import Sex

OLDEST = 300.0  # months: a label above it is a mistake
YEARS_AT_MOST = 20.0  # a column without a unit whose labels all lie below is taken for years

_IDS = ("id", "image_id", "case_id", "film_id", "case", "accession_number", "accession")
_IMAGES = ("image", "file", "path", "filename", "file_name", "image_path", "image_file", "file_path")
_PERHAPS_IMAGES = (  # or the number of a film of a patient
    *("image_name", "film", "film_file", "radiograph", "xray", "x_ray", "scan", "picture", "dicom", "dicom_file"),
    *("dicom_path", "bild", "datei", "dateiname", "fichier", "archivo", "imagen"),
)
_PATIENTS = ("patient", "patient_id", "patientid", "subject", "subject_id")
_SPLITS = ("split", "set", "subset", "partition")
_SEXES = {
    *("sex", "patientsex", "gender", "patientgender", "geschlecht", "sexe", "genre", "sexo", "genero", "sesso"),
    *("geslacht", "kon", "kjonn", "sukupuoli", "plec", "cinsiyet", "пол", "性別", "性别", "성별"),
}
_BESIDE_SEX = {"is", "of", "the", "at", "birth", "patient", "child", "subject", "code", "m", "f", "w", "d"}
_FEMALE = {"female", "girl", "weiblich"}
_MALE = {"male", "boy", "mannlich", "maennlich"}
_MONTHS = frozenset({"month", "months", "mo", "mos"})
_YEARS = frozenset({"year", "years", "yr", "yrs"})
_NOT_LABELS = {
    *("chronological", "chron", "calendar", "predicted", "prediction", "sd", "std", "sds", "reference", "group"),
    *("band", "interval", "error"),
}
_SINCE_BIRTH = {  # of an age that is not called a bone age
    *("patient", "birth", "gestational", "real", "actual", "exam", "examination", "study", "scan", "acquisition"),
    *("visit", "decimal", "current"),
}
NO_VALUE = frozenset({"", "na", "nan", "none", "null", "n/a"})
_YES = {"1", "1.0", "1,0", "true", "t", "yes", "y", "ja", "j", "wahr", "vrai", "oui", "si", "sí", "verdadero", "vero"}
_NO = {"0", "0.0", "0,0", "false", "no", "n", "nein", "falsch", "faux", "non", "falso"}


@dataclass(frozen=True)
class Columns:
    """The names of a table's columns by meaning, None where it has none.

    Attributes:
        id: of the film, or of a patient whose film lies under that name.
        image: the film's file.
        guess: perhaps the film's file; where the id finds a film, that counts.
        age: the label.
        factor: months per unit of the labels, None where the name does not say.
        sex: of the patient.
        yes: the sex that a yes in that column means, None where it holds words.
        patient: whose film it is.
        split: which part the film belongs to.
        labelled: whether bone ages were looked for.
        facts: those that tell of the child, where bone ages were not looked for.
        others: the rest.
    """

    id: str | None
    image: str | None
    age: str | None
    factor: float | None
    sex: str | None
    yes: Sex | None
    patient: str | None
    split: str | None
    guess: str | None = None
    labelled: bool = True
    facts: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The column that names the films."""
        return self.id or self.image or ""

    @property
    def words(self) -> str:
        """Which columns were taken for what, and which were not, for people."""
        unit = "years" if self.factor == 12.0 else "months"
        ages = f"bone ages in {unit} from {self.age!r}" if self.age else "no column of bone ages was recognised"
        taken = (
            (self.id and f"ids from {self.id!r}"),
            (self.image and f"films from {self.image!r}"),
            (self.guess and f"films that no id finds from {self.guess!r}"),
            (ages if self.labelled else None),
            (f"sexes from {self.sex!r}" if self.sex else "no column of sexes was recognised"),
            (self.patient and f"patients from {self.patient!r}"),
            (self.split and f"the split from {self.split!r}"),
            (f"facts of the child from {', '.join(map(repr, self.facts))}" if self.facts else ""),
        )
        unused = f"; not used: {', '.join(map(repr, self.others))}" if self.others else ""
        return ", ".join(filter(None, taken)) + unused


def columns_of(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], *, labelled: bool = True) -> Columns:
    """What a table's columns mean, by their names or, for a column of files of any name, by their cells.

    Where two rows have one id and every row another file, the ids are the patients'.

    Args:
        path: the table, for messages.
        header: its columns as `boneage.table.simple` writes them.
        rows: its cells.
        labelled: without it the columns of ages, patients and splits do not count.

    Raises:
        BadTable: if no column names the films, or, for labels, if several hold bone ages.
    """

    def first(names: Iterable[str]) -> str | None:
        return next((name for name in names if name in header), None)

    def cells(name: str) -> list[str]:
        return [row[header.index(name)] for row in rows]

    key, image, guess = _keys(path, header, cells)
    patient = first(name for name in _PATIENTS if name != key)
    if key and (file := image or guess) and not _are_unique(cells(key)) and _are_unique(cells(file)):
        key, image, guess, patient = None, file, None, patient or key
    age = _age_column(path, header) if labelled else None
    sex = first(("sex", "gender", "male", "patient_sex")) or next(filter(_is_sex, header), None)
    found = Columns(key, image, age, _factor(age), sex, _yes(sex), patient, first(_SPLITS), guess, labelled)
    if not labelled:
        told = dict.fromkeys(column.name for column in facts_table.columns_of(header).values())
        found = replace(found, patient=None, split=None, facts=tuple(told))
    taken = {key, image, guess, age, sex, found.patient, found.split, "", *found.facts}
    return replace(found, others=tuple(name for name in header if name not in taken))


def _keys(
    path: Path, header: Sequence[str], cells: Callable[[str], list[str]]
) -> tuple[str | None, str | None, str | None]:
    """The columns of ids, of files, and of what may be files by its name or cells. BadTable for none of them."""
    key = next((name for name in _IDS if name in header), None)
    image = next((name for name in _IMAGES if name in header), None)
    files = (name for name in header if name and name != key and _are_films(cells(name)))
    guess = None if image else next(files, None) or next((name for name in _PERHAPS_IMAGES if name in header), None)
    if not key and not image:
        image, guess = guess, None
        key = None if image else next((name for name in _PATIENTS if name in header), None)
    if not key and not image:
        raise BadTable(f"{path} has no column of film ids (id, image, file or path); found {', '.join(header)!r}")
    return key, image, guess


def hidden_sexes(header: Sequence[str], rows: Sequence[Sequence[str]], columns: Columns) -> str:
    """A sentence on the first unused column whose cells are all sexes, of both kinds; empty where there is none."""
    if columns.sex:
        return ""
    for name in columns.others:
        words = {row[header.index(name)] for row in rows} - {""}
        if {_sex_or_none(word) for word in words} == {Sex.FEMALE, Sex.MALE}:
            shown = ", ".join(map(repr, sorted(words)[:6]))
            return f"the column {name!r} holds sexes ({shown}) but is not called so: name it sex"
    return ""


def months_of(text: str, factor: float) -> float | None:
    """A label in months, None for an empty cell. ``factor``: months per unit. Raises ValueError."""
    if text.lower() in NO_VALUE:
        return None
    try:
        months = number(text) * factor
    except ValueError:
        raise ValueError(f"the age {text!r} is not a number") from None
    if not 0 <= months <= OLDEST:
        raise ValueError(f"the age {text!r} is {months:g} months, outside 0 to {OLDEST:g}")
    return months


def sex_of_cell(text: str, columns: Columns) -> Sex:
    """The sex that a cell says: by a word or, in a column such as ``male``, by yes or no.

    Raises:
        ValueError: for what is neither; also for ``F`` in a column ``female``, which means one sex or the other.
    """
    word = text.strip().casefold()
    if columns.yes and word in _YES | _NO:
        other = Sex.FEMALE if columns.yes is Sex.MALE else Sex.MALE
        return columns.yes if word in _YES else other
    if columns.yes is Sex.FEMALE and word == "f":
        raise ValueError(f"{text!r} in the column {columns.sex!r} may be female or false")
    return Sex.parse(text)


def look_like_years(months: Sequence[float]) -> bool:
    """Whether labels are likely to be years: two or more (or one that is not whole), and none above 20 or so."""
    whole = all(value == math.floor(value) for value in months)
    return len(months) > whole and max(months) <= (YEARS_AT_MOST if whole else YEARS_AT_MOST + 1)


def _age_column(path: Path, header: Sequence[str]) -> str | None:
    """The column of labels: rather a bone age than an age, rather months than years. BadTable if that leaves two."""
    ages = [name for name in header if _is_age(name)]
    ages = [name for name in ages if "bone" in name] or ages
    ages = [name for name in ages if _factor(name) == 1.0] or ages
    if len(ages) > 1:
        raise BadTable(f"{path} has several columns of ages ({', '.join(ages)}): leave one, of bone ages")
    return ages[0] if ages else None


def _is_age(name: str) -> bool:
    words = set(name.split("_"))
    is_since_birth = bool(words & _SINCE_BIRTH) and "bone" not in name
    return bool(words & {"age", "boneage", "months"}) and not words & _NOT_LABELS and not is_since_birth


def _factor(name: str | None) -> float | None:
    """Months per unit of a column of ages, None where its name does not say."""
    words = set((name or "").split("_"))
    return 1.0 if words & _MONTHS else 12.0 if words & _YEARS else None


def _is_sex(name: str) -> bool:
    """Whether a column is one of sexes, such as ``geschlecht``, ``sex_m_f`` or ``is_female``, and nothing more."""
    words = set(name.split("_"))
    rest = {word for word in words - _SEXES - _FEMALE - _MALE - _BESIDE_SEX if not word.isdigit()}
    return not rest and bool(words & (_SEXES | _FEMALE | _MALE))


def _yes(name: str | None) -> Sex | None:
    """The sex that a yes in a column of this name means; None where it does not name just one."""
    words = set((name or "").split("_"))
    if bool(words & _FEMALE) == bool(words & _MALE):
        return None
    return Sex.FEMALE if words & _FEMALE else Sex.MALE


def _sex_or_none(word: str) -> Sex | None:
    try:
        return Sex.parse(word)
    except ValueError:
        return None


def _are_films(cells: Sequence[str]) -> bool:
    """Whether all cells that are not empty end like a film."""
    names = [cell for cell in cells if cell]
    return bool(names) and all(without_ending(name) != name for name in names)


def _are_unique(cells: Sequence[str]) -> bool:
    return len(set(cells)) == len(cells) and "" not in cells
