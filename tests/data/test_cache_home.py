"""Where the cache is: as the environment says, else with the user, else for the time of the process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from boneage.data import cache_home as module
from boneage.data.cache_home import cache_home
from boneage.errors import CannotWrite


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user of whom nothing is known."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("BONEAGE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    module._temporary.cache_clear()
    yield
    module._temporary.cache_clear()


def test_a_user_without_a_home_gets_a_cache_for_this_run_and_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    home = cache_home()
    assert home.is_dir()
    assert home == cache_home("a.npy")
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("boneage: this user has no home")
    assert "BONEAGE_CACHE" in sentence


def test_where_nothing_takes_a_file_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/none")
    with pytest.raises(CannotWrite, match="name one in BONEAGE_CACHE"):
        cache_home()


@pytest.mark.parametrize(("variable", "below"), [("BONEAGE_CACHE", ""), ("XDG_CACHE_HOME", "boneage")])
def test_a_user_without_a_home_may_say_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, below: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "caches"))
    assert cache_home() == tmp_path / "caches" / below
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("variable", ["BONEAGE_CACHE", "XDG_CACHE_HOME"])
def test_a_read_only_cache_is_read_and_another_takes_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(module, "takes_files", lambda folder: False)
    home = tmp_path / "boneage" if variable == "XDG_CACHE_HOME" else tmp_path
    home.mkdir(exist_ok=True)
    (home / "old.npy").write_bytes(b"prepared")
    assert cache_home("old.npy") == home
    assert capsys.readouterr().err == ""
    assert cache_home("old.npy", "new.npy") != home
    assert f"{home} takes no new files" in capsys.readouterr().err
