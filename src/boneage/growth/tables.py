"""The tables of this room: files beside this module, each with its source, its licence and its SHA-256."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ..errors import BadTable
from ..types import Sex

FOLDER = Path(__file__).parent / "data"
_NUMBERS = "numbers out of a publication: facts, free to use; the words and the layout are not copied"
_PUBLIC = "public domain (a work of the United States government)"


@dataclass(frozen=True)
class Table:
    """A table as it lies in the package.

    Attributes:
        name: of its file, without ``.csv``.
        sha256: of the file.
        source: the publication.
        licence: why it may be passed on.
    """

    name: str
    sha256: str
    source: str
    licence: str = _NUMBERS

    @property
    def path(self) -> Path:
        """Its file."""
        return FOLDER / f"{self.name}.csv"


_BAYLEY_PINNEAU = (
    "Bayley N, Pinneau SR. Tables for predicting adult height from skeletal age: revised for use with the Greulich-Pyle"
    " hand standards. J Pediatr 1952;40:423-441"
)
_ROCHE = "Roche AF, Wainer H, Thissen D. Predicting adult stature for individuals. Pediatrics 1975;56:1026-1033"
_CDC = "Centers for Disease Control and Prevention, National Center for Health Statistics: CDC growth charts, 2000"

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            Table(
                "bayley_pinneau_1952",
                "e0bc73ffa2381bbc9e4aaa4fd65f8e2065dbbe1e3efb1cf87e60e3f052965295",
                f"{_BAYLEY_PINNEAU}, tables II and III",
            ),
            Table(
                "bayley_pinneau_1952_errors",
                "fe4afa86fc18cabb011c96ffab4155ce7ca04281b679b8868bd3a8e591753385",
                f"{_BAYLEY_PINNEAU}, tables IV and V",
            ),
            Table(
                "roche_wainer_thissen_1975",
                "5c7403f106fc4e9bd6f182b1c22885933315c469686def868c633b2f5d643149",
                _ROCHE,
            ),
            Table(
                "roche_wainer_thissen_1975_error90",
                "1f03d26fbf64bfa97d4a9c13a779361d10fbf292b5cfcd4fe157d2ebb6889a04",
                f"{_ROCHE}, read off figure 1",
            ),
            Table(
                "khamis_guo_1993",
                "3a203a31af481af1fcef58903b332401dd72912bf41db5fd0aa1f25dc4c257e5",
                "Khamis HJ, Guo S. Improvement in the Roche-Wainer-Thissen stature prediction model: a comparative"
                " study. Am J Hum Biol 1993;5:669-679",
            ),
            Table(
                "cdc_2000_stature_for_age",
                "236ee9665a96f47e5536176c21ffba4ce62550aa242b402802a0cd6e1210e949",
                f"{_CDC}, stature for age",
                _PUBLIC,
            ),
            Table(
                "cdc_2000_length_for_age",
                "652b89d862db4a6d453bbeb0bdf2bd28e91efc88b36164796531b4385b4108f7",
                f"{_CDC}, length for age",
                _PUBLIC,
            ),
            Table(
                "greulich_pyle_1959_sd",
                "9732d23348022e3b95a7b2c91ef4e1bc3eddf5b95563cad12727b66a393fd263",
                "Greulich WW, Pyle SI. Radiographic atlas of skeletal development of the hand and wrist, 2nd ed."
                " Stanford 1959: standard deviations of skeletal age, from one transcription",
            ),
        )
    }
)


@cache
def rows(name: str) -> tuple[Mapping[str, str], ...]:
    """The rows of a table as text, by column.

    Raises:
        BadTable: if the file is missing, or is not the one whose SHA-256 is known.
    """
    table = TABLES[name]
    try:
        data = table.path.read_bytes()
    except OSError as error:
        raise BadTable(f"{table.path} cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != table.sha256:
        raise BadTable(f"{table.path} is not the table that belongs to this version: install the package again")
    return tuple(csv.DictReader(io.StringIO(data.decode())))


@cache
def column(name: str, sex: Sex, column_name: str, group: str = "") -> np.ndarray:
    """One column of a table for one sex and, where the table has groups, one group: float64 [rows], NaN if empty."""
    chosen = [row for row in rows(name) if row["sex"] == sex.value and row.get("group", "") == group]
    values = np.array([float(row[column_name] or "nan") for row in chosen])
    values.flags.writeable = False
    return values
