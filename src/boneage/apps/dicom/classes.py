"""What the node takes and sends: SOP classes and transfer syntaxes. The conformance statement is made from these."""

from __future__ import annotations

from ...clinic.documents import capture, page, structured_report

VERIFICATION = "1.2.840.10008.1.1"
TAKEN = {  # SOP class UID to its name
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography Image Storage",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray Image Storage - For Presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray Image Storage - For Processing",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image Storage",
}
SYNTAXES = {  # transfer syntax UID to its name: all that `boneage.images` reads
    "1.2.840.10008.1.2.1": "Explicit VR Little Endian",
    "1.2.840.10008.1.2": "Implicit VR Little Endian",
    "1.2.840.10008.1.2.2": "Explicit VR Big Endian",
    "1.2.840.10008.1.2.1.99": "Deflated Explicit VR Little Endian",
    "1.2.840.10008.1.2.5": "RLE Lossless",
    "1.2.840.10008.1.2.4.50": "JPEG Baseline (Process 1)",
    "1.2.840.10008.1.2.4.51": "JPEG Extended (Process 2 and 4)",
    "1.2.840.10008.1.2.4.57": "JPEG Lossless (Process 14)",
    "1.2.840.10008.1.2.4.70": "JPEG Lossless (Process 14, Selection Value 1)",
    "1.2.840.10008.1.2.4.80": "JPEG-LS Lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS Near-Lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 Lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.4.201": "High-Throughput JPEG 2000 Lossless",
    "1.2.840.10008.1.2.4.202": "High-Throughput JPEG 2000 Lossless, RPCL",
    "1.2.840.10008.1.2.4.203": "High-Throughput JPEG 2000",
}
SENT = {
    structured_report.SOP_CLASSES[0]: "Comprehensive 3D SR Storage",
    structured_report.SOP_CLASSES[1]: "Comprehensive SR Storage",
    capture.SOP_CLASS: "Secondary Capture Image Storage",
    page.SOP_CLASS: "Encapsulated PDF Storage",
}
SENT_SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")

SUCCESS = 0x0000
NO_ROOM = 0xA700  # out of resources: the sender may try again
NOT_UNDERSTOOD = 0xC000
NO_SUCH_INSTANCE = 0x0117  # the SOP Instance UID is none
STATUSES = {
    SUCCESS: "the film is on disk",
    NO_ROOM: "no room for it, or the node is closing: nothing is kept, and the sender may try again",
    NO_SUCH_INSTANCE: "its SOP Instance UID is no UID",
    NOT_UNDERSTOOD: "no data set came with the request",
}
