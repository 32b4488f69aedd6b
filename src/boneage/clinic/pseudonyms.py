"""Keyed hashes (HMAC-SHA-256) of patients' ids. Without the key nobody can tell by trying ids whose hash one is."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from ..errors import BadConfig, CannotWrite

KEY_BYTES = 32


class Pseudonyms:
    """Hashes ids with one key: the same id gives the same hash only with the same key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of_this_run(cls) -> Pseudonyms:
        """With a random key that is not kept: its hashes are comparable within one run of the program."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_file(cls, path: Path) -> Pseudonyms:
        """With the key of a file; if the file does not exist it is made, with a random key.

        Raises:
            BadConfig: if others than the file's owner can read it, or it holds no key.
            CannotWrite: if it cannot be made.
        """
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(KEY_BYTES) + "\n")
        except FileExistsError:
            pass
        except OSError as error:
            raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error
        return cls(_key_in(path))

    def of(self, patient_id: str) -> str | None:
        """The hash of an id in 64 hexadecimal digits; None if the id is empty."""
        plain = patient_id.strip()
        return hmac.new(self._key, plain.encode(), "sha256").hexdigest() if plain else None


def _key_in(path: Path) -> bytes:
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadConfig(f"{path} can be read by others than its owner: chmod 600 it, as it holds a key")
        key = bytes.fromhex(path.read_text().strip())
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise BadConfig(f"{path} holds no key: {2 * KEY_BYTES} hexadecimal digits were expected")
    return key
