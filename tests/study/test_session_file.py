"""STUDY.toml and the films that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from boneage.errors import BadConfig, BadTable
from boneage.study.session_file import films_of, read_study
from boneage.types import Sex

NAMES = 'name = "w"\nfilms = "films"\nreaders = ["anna", "bert"]\n'
TOKENS = 'name = "w"\nfilms = "f.csv"\nseed = 3\nrepeats = 2\nshow_sex = false\n[readers]\nanna = "{}"\nbert = "{}"\n'


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "STUDY.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_readers_are_known_by_name_or_token(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, NAMES, 0o644))
    assert (study.films, study.readers) == (tmp_path / "films", {"anna": "", "bert": ""})
    study = read_study(written(tmp_path, TOKENS.format("a" * 16, "b" * 16)))
    assert (study.seed, study.repeats, study.show_sex) == (3, 2, False)
    assert "aaaa" not in repr(study)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = \n", "cannot be read: it is no TOML, at line 1, column 8$"),
        (NAMES.replace('"w"', f'"{"w" * 101}"'), "longer than 100 characters"),
        (NAMES + 'colour = "red"\n', "no setting colour: known are name, films"),
        ('name = "w"\nreaders = ["anna"]\n', "it lacks films"),
        ("seed = true\n" + NAMES, "seed = True is no int"),
        ("repeats = -1\n" + NAMES, "repeats is less than 0"),
        ('name = "w"\nfilms = "f"\nreaders = 3\n', "neither a list of names nor a table"),
        ('name = "w"\nfilms = "f"\nreaders = [" anna"]\n', "' anna' is no name of a reader"),
        (TOKENS.format("a" * 16, "b"), "a token of their own, of 16 characters"),
        (TOKENS.format("a" * 16, "a" * 16), "a token of their own"),
        (TOKENS.format("ä" * 16, "b" * 16), "other characters than ASCII"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BadConfig, match=reason):
        read_study(written(tmp_path, text))


def test_a_file_with_tokens_is_for_its_owner_alone(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="chmod 600 it, as it holds tokens"):
        read_study(written(tmp_path, TOKENS.format("a" * 16, "b" * 16), 0o644))


def test_films_of_a_folder_and_of_a_table_without_its_ages(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for number, name in enumerate(("1.png", "2.png", "2.jpg", "deep/3.png")):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n%d" % number)
    assert [film.id for film in films_of(tmp_path)] == ["1", "2.jpg", "2.png", "deep/3"]
    table = tmp_path / "films.csv"
    table.write_text("id,sex,boneage\n1,F,120\n3,M,\n")
    films = films_of(table)
    assert [(film.id, film.sex, film.months) for film in films] == [("1", Sex.FEMALE, None), ("3", Sex.MALE, None)]
    table.write_text("id\n9\n")
    with pytest.raises(BadTable, match="the film 9 was not found"):
        films_of(table)
    (tmp_path / "copy.png").write_bytes((tmp_path / "1.png").read_bytes())
    with pytest.raises(BadTable, match="1 and copy are the same file"):
        films_of(tmp_path)
