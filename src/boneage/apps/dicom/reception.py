"""What the node answers: C-ECHO, and C-STORE once the film is on disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter
from pynetdicom import AE, evt
from pynetdicom.dsutils import encode_file_meta

from ...clinic.documents.header import IMPLEMENTATION, IMPLEMENTATION_UID
from ...clinic.faults import log, log_fault
from ...clinic.spool import Spool
from ...errors import CannotWrite
from .classes import NO_ROOM, NO_SUCH_INSTANCE, NOT_UNDERSTOOD, SUCCESS, SYNTAXES, TAKEN, VERIFICATION
from .settings import NodeSettings

_UID = re.compile(r"[0-9.]{1,64}")
_PREAMBLE = bytes(128) + b"DICM"


class Reception:
    """The handlers of one node.

    Args:
        spool: where films are put.
        arrived: called when one was.
        registry: of the counters.
    """

    def __init__(self, spool: Spool, arrived: Callable[[], None], registry: CollectorRegistry) -> None:
        self.spool, self.arrived, self.is_open = spool, arrived, True
        self.received = Counter(
            "boneage_node_received", "Films offered by C-STORE, by outcome", ["outcome"], registry=registry
        )

    @property
    def handlers(self) -> list[Any]:
        """As pynetdicom takes them."""
        return [(evt.EVT_C_ECHO, lambda event: SUCCESS), (evt.EVT_C_STORE, self.store)]

    def store(self, event: Any) -> int:
        """Put a film on disk; the status that its sender gets, of `boneage.apps.dicom.classes.STATUSES`."""
        try:
            status = self._stored(event)
        except CannotWrite as error:
            log.error("%s", error)
            status = NO_ROOM
        except Exception as error:
            log_fault(error)
            status = NO_ROOM
        self.received.labels("stored" if status == SUCCESS else f"{status:04X}").inc()
        return status

    def _stored(self, event: Any) -> int:
        request = event.request
        if not self.is_open:
            return NO_ROOM
        if not _UID.fullmatch(str(request.AffectedSOPInstanceUID)):
            return NO_SUCH_INSTANCE
        if request.DataSet is None or not request.DataSet.getbuffer().nbytes:
            return NOT_UNDERSTOOD
        head = _PREAMBLE + encode_file_meta(event.file_meta)
        self.spool.add([head, request.DataSet.getbuffer()])
        self.arrived()
        return SUCCESS


def entity(settings: NodeSettings) -> AE:
    """The application entity: what it takes, how long it waits, and how many it serves."""
    found = AE(ae_title=settings.ae_title)
    found.implementation_class_uid, found.implementation_version_name = IMPLEMENTATION_UID, IMPLEMENTATION
    limits = settings.limits
    found.maximum_pdu_size = limits.pdu - 1024
    found.acse_timeout = limits.greeting_seconds
    found.dimse_timeout = found.network_timeout = limits.idle_seconds
    found.maximum_associations = 100_000  # the doorkeeper counts; pynetdicom counts those too that are ending
    found.require_called_aet = True
    found.add_supported_context(VERIFICATION)
    for sop_class in TAKEN:
        found.add_supported_context(sop_class, list(SYNTAXES))
    return found
