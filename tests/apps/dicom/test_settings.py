"""The settings of a node: what a file may say, and one sentence on each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import DOCS

pytest.importorskip("highdicom", reason="the node needs boneage[dicom]")

from boneage.apps.dicom.settings import Caller, Destination, NodeLimits, load
from boneage.errors import BadConfig

PLAIN = """
[node]
spool = "spool"
[[destinations]]
name = "pacs"
host = "10.0.0.9"
ae_title = "PACS"
"""
FULL = """
[node]
spool = "/var/lib/boneage"
ae_title = "BONE AGE"
host = "10.0.0.5"
port = 104
model = "default"
hold = true
[[callers]]
address = "10.0.0.0/24"
ae_title = "PACS"
[[callers]]
address = "2001:db8::1"
[[destinations]]
name = "pacs"
host = "10.0.0.9"
port = 4242
ae_title = "PACS"
tls = true
documents = ["sr", "pdf"]
[[destinations]]
name = "web"
url = "https://pacs.example/dicom-web"
token_file = "token"
ca_file = "ca.pem"
[tls]
certificate = "cert.pem"
key = "key.pem"
client_ca = "ca.pem"
[limits]
object = 1000000
idle_seconds = 1.5
[metrics]
port = 9110
"""


def told(text: str, folder: Path) -> str:
    """Why a file is refused, without its name."""
    path = folder / "node.toml"
    path.write_text(text)
    with pytest.raises(BadConfig) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


def test_what_is_not_said_has_a_safe_default(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(PLAIN)
    found = load(tmp_path / "node.toml")
    assert (found.host, found.port, found.ae_title, found.hold) == ("127.0.0.1", 11112, "BONEAGE", False)
    assert found.spool == tmp_path / "spool"
    assert found.destinations == (Destination("pacs", host="10.0.0.9", ae_title="PACS"),)
    assert found.destinations[0].files == ("bone-age-3d.sr.dcm", "bone-age.capture.dcm", "bone-age.pdf.dcm")
    assert (found.limits, found.tls, found.callers, found.metrics_port) == (NodeLimits(), None, (), 0)


def test_everything_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(FULL)
    found = load(tmp_path / "node.toml")
    assert found.spool == Path("/var/lib/boneage")
    assert found.callers == (Caller("10.0.0.0/24", "PACS"), Caller("2001:db8::1"))
    assert found.destinations[0].files == ("bone-age.sr.dcm", "bone-age.pdf.dcm")
    assert found.destinations[1].token_file == tmp_path / "token"
    assert found.tls is not None
    assert found.tls.client_ca == tmp_path / "ca.pem"
    assert (found.limits.object, found.limits.idle_seconds) == (1000000, 1.5)
    assert (found.metrics_port, found.hold, found.port) == (9110, True, 104)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('spool = "spool"', 'spool = "spool"\nhost = "0.0.0.0"', "list the callers"),
        ('spool = "spool"', "spool = 3", "node.spool = 3"),
        ('spool = "spool"', 'spool = "spool"\nport = "x"', "node.port = 'x' is no int"),
        ('spool = "spool"', 'spool = "spool"\nport = true', "node.port = True is no int"),
        ('spool = "spool"', 'spool = "spool"\ncolour = 1', "node has no setting colour"),
        ('spool = "spool"', 'ae_title = "B"', "node lacks spool"),
        ('spool = "spool"', 'spool = "spool"\nae_title = "TOO LONG A TITLE FOR THIS"', "is no AE title"),
        ("[node]", "[nodes]", "there is no table nodes"),
        ("[node]", "node = 3\n[limits]\n[metrics]", "node is no table"),
        ("[[destinations]]", "[destinations]", "[[destinations]]"),
        ('name = "pacs"', 'name = "../x"', "is no name"),
        ('name = "pacs"', 'name = "pacs"\nurl = "https://x/"', "either host, port and ae_title, or url"),
        ('host = "10.0.0.9"\nae_title = "PACS"', 'url = "ftp://x"', "no address of HTTP"),
        ('host = "10.0.0.9"\nae_title = "PACS"', 'url = "http://[::1"', "no address of HTTP"),
        ('ae_title = "PACS"', 'ae_title = "PACS"\ndocuments = ["docx"]', "documents are some of"),
        ('ae_title = "PACS"', 'ae_title = "PACS"\ndocuments = "sr"', "documents = 'sr'"),
        ('ae_title = "PACS"', 'ae_title = "PACS"\ntls = true', "needs a table [tls]"),
        ("[[destinations]]", '[[callers]]\naddress = "pacs"\n[[destinations]]', "no address or network"),
        ("[[destinations]]", "[limits]\npdu = 100\n[[destinations]]", "pdu is 4096 at least"),
        ("[[destinations]]", "[limits]\nper_peer = 0\n[[destinations]]", "per_peer = 0 is too small"),
        ("[node]", "[node", "cannot be read: it is no TOML, at line 2, column 6"),
        ('spool = "spool"', 'spool = "spool"\nport = 70000', "node: port = 70000 is none: 0 to 65535"),
        ('ae_title = "PACS"', 'ae_title = "PACS"\nport = 0', "destination pacs: port = 0 is none: 1 to 65535"),
        ("[node]", "[metrics]\nport = -1\n[node]", "metrics: port = -1 is none"),
    ],
)
def test_mistakes_are_told_in_one_sentence(old: str, new: str, reason: str, tmp_path: Path) -> None:
    assert old in PLAIN
    assert reason in told(PLAIN.replace(old, new), tmp_path)


def test_destinations_need_names_of_their_own_and_a_file_must_be_there(tmp_path: Path) -> None:
    destination = PLAIN.partition("[[dest")[1:]
    assert "a name of its own" in told(PLAIN + "".join(destination), tmp_path)
    assert "a name of its own" in told('[node]\nspool = "spool"\n', tmp_path)
    with pytest.raises(BadConfig, match="No such file"):
        load(tmp_path / "none.toml")


def test_the_page_for_the_hospital_shows_settings_that_are_read(tmp_path: Path) -> None:
    page = (DOCS / "hospital.md").read_text(encoding="utf-8")
    (tmp_path / "node.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    found = load(tmp_path / "node.toml")
    assert [one.name for one in found.destinations] == ["pacs", "archive"]
    assert found.callers
    assert found.tls
