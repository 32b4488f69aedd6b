"""The DICOM conformance statement, from the program's own lists: docs/conformance.md is written by docs/build.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from boneage.apps.dicom.classes import SENT, SENT_SYNTAXES, STATUSES, SYNTAXES, TAKEN, VERIFICATION
from boneage.apps.dicom.settings import NodeLimits
from boneage.clinic.documents import codes
from boneage.clinic.documents.bundle import KINDS
from boneage.clinic.documents.header import IMPLEMENTATION, IMPLEMENTATION_UID, NO_DATE, SERIES
from boneage.hand.flags import CODES

HEAD = f"""# DICOM conformance statement

Written by `docs/build.py` from the program's own lists. Research use only, not a medical device. How the node is set
up: [in a hospital](hospital.md).

The node (`boneage node start`) receives films and sends documents of their readings. Implementation class UID
`{IMPLEMENTATION_UID}`, version name `{IMPLEMENTATION}`.
"""
ASSOCIATIONS = """## Associations

As an acceptor the node compares the called AE title with its own, and the calling AE title and address with its list of
callers. It never initiates an association but to its destinations. It proposes and accepts no asynchronous operations
and no extended negotiation, and evaluates no user identity. With TLS (1.2 or newer) it can ask callers for a
certificate. Films that are larger than the limit end their association.
"""
OBJECTS = f"""## What the documents carry

Patient (name, id, issuer of the id, birth date, sex), study (UID, id, description, date, time), accession number and
referring physician are the film's, unchanged; a film whose ids DICOM does not allow gets no document. Series and
instances are new. Their UIDs (root 2.25) are made from hashes of film, model and answer: the same film, model and
answer give the same documents, byte for byte. Therefore dates and times of a document are those of the film
(acquisition, else content, series or study; {NO_DATE} where it has none), not those of its making. The character set is
UTF-8 (ISO_IR 192).

Each of two hands in a picture has documents of its own, in series of its own: the description of a series and the
tracking identifier name the hand's place in the picture, and the side is that of its thumb, if seen from its back.

A refused film has the same documents: they name the reasons, and hold no number. A reading that nobody has reviewed is
UNVERIFIED and complete. The reports follow TID 1500; the one group has tracking identifier and UID, side (if the film
has one), algorithm with version and hash of the weights, the film as source image, the numbers below, the outcome and
the quality flags as codes, and sentences as comments. A prediction interval has its two bounds as measurements, and
mean and standard deviation of the reference table stand beside the bone age: TID 300 would have them below it, where
PixelMed's checker takes them for values that the bone age is inferred from. PixelMed warns of outcome, flags and
comments, which the template does not list (it is extensible); dciodvfy warns of the private scheme {codes.OWN}, which
the documents identify.
"""


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def conformance() -> str:
    """The whole statement."""
    limits = dataclasses.asdict(NodeLimits()).items()
    scu = [(name, f"`{uid}`", ", ".join(SYNTAXES[one] for one in SENT_SYNTAXES)) for uid, name in SENT.items()]
    parts = [
        HEAD,
        "## Storage and verification as a provider (SCP)\n",
        table(["SOP class", "UID"], [("Verification", f"`{VERIFICATION}`"), *_named(TAKEN)]),
        "Each in every one of these transfer syntaxes:\n",
        table(["transfer syntax", "UID"], _named(SYNTAXES)),
        "A film is on disk, synced, before its sender gets status 0000. The statuses of C-STORE:\n",
        table(["status", "meaning"], [(f"{status:04X}", words) for status, words in STATUSES.items()]),
        "## Storage as a user (SCU)\n",
        table(["SOP class", "UID", "transfer syntaxes"], scu),
        "By STOW-RS (DICOMweb) the same objects, one a request. A destination names what it gets:\n",
        table(["word in the settings", "file of `boneage report`"], KINDS.items()),
        table(["series", "number", "modality"], [(one.description, one.number, one.modality) for one in SERIES]),
        ASSOCIATIONS,
        "The limits, which the settings may change (bytes, seconds):\n",
        table(["limit", "default"], [(f"`{name}`", value) for name, value in limits]),
        OBJECTS,
        "## Codes\n",
        table(["code", "scheme", "meaning"], [(f"`{one.value}`", one.scheme, one.meaning) for one in codes.ALL]),
        f"Quality flags, scheme {codes.OWN}: {', '.join(f'`{code}`' for code in CODES)}.\n",
        "## What it does not do\n",
        "No query or retrieve, no modality worklist, no storage commitment, no printing, no media. Of a picture of two "
        "hands it sends a refusal.",
    ]
    return "\n".join(parts) + "\n"


def _named(listing: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, f"`{uid}`") for uid, name in listing.items()]
