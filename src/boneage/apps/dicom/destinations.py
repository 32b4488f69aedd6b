"""How documents reach a destination: by C-STORE or by STOW-RS."""

from __future__ import annotations

import io
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from ...clinic.documents.header import IMPLEMENTATION, IMPLEMENTATION_UID
from ...errors import BadConfig
from ..addresses import no_certificate
from .classes import SENT, SENT_SYNTAXES
from .settings import Destination, NodeSettings, Tls

SECONDS = 30.0  # that a destination may take to answer
_WARNINGS = range(0xB000, 0xC000)  # statuses by which an object is stored, with a remark


class Unreachable(Exception):
    """A destination does not answer, or does not want to; one sentence."""


class Interrupted(Unreachable):
    """A destination does not answer any more while a document is sent, of which that may be the fault."""


class Carrier(Protocol):
    """What brings documents to one destination."""

    def carry(self, documents: Sequence[Path]) -> Iterator[str | None]:
        """Send the documents, one after the other; gives None for each that arrived, else one sentence.

        Raises:
            Unreachable: if none, or none any more, can be sent now.
        """
        ...


def carrier(destination: Destination, settings: NodeSettings) -> Carrier:
    """The carrier for a destination; BadConfig if a file that it needs cannot be read."""
    if destination.url:
        return StowCarrier(destination)
    return StoreCarrier(destination, settings.ae_title, client_tls(settings.tls) if destination.tls else None)


class StoreCarrier:
    """By C-STORE."""

    def __init__(self, destination: Destination, title: str, tls: ssl.SSLContext | None) -> None:
        self.destination, self.tls = destination, tls
        self._entity = AE(ae_title=title)
        self._entity.implementation_class_uid = IMPLEMENTATION_UID
        self._entity.implementation_version_name = IMPLEMENTATION
        self._entity.acse_timeout = self._entity.dimse_timeout = SECONDS
        self._entity.network_timeout = self._entity.connection_timeout = SECONDS
        for sop_class in SENT:
            for syntax in SENT_SYNTAXES:
                self._entity.add_requested_context(sop_class, syntax)

    def carry(self, documents: Sequence[Path]) -> Iterator[str | None]:
        """See `Carrier`."""
        to = self.destination
        options: dict[str, Any] = {"tls_args": (self.tls, to.host)} if self.tls else {}
        association = self._entity.associate(to.host, to.port, ae_title=to.ae_title, **options)
        if not association.is_established:
            reason = "rejected the association" if association.is_rejected else "cannot be reached"
            raise Unreachable(f"{to.name} {reason}")
        try:
            for path in documents:
                yield self._store(association, path)
        finally:
            if association.is_established:
                association.release()

    def _store(self, association: Association, path: Path) -> str | None:
        dataset: Dataset = pydicom.dcmread(path)
        name = self.destination.name
        syntaxes = [
            context.transfer_syntax[0]
            for context in association.accepted_contexts
            if context.abstract_syntax == dataset.SOPClassUID
        ]
        if not syntaxes:
            return f"{name} does not take {SENT[dataset.SOPClassUID]}"
        if ExplicitVRLittleEndian not in syntaxes:
            dataset = _implicit(dataset)
        if not association.is_established:
            raise Unreachable(f"{name} ended the association")
        status = association.send_c_store(dataset).get("Status")
        if status is None:
            raise Interrupted(f"{name} did not answer")
        return None if status == 0 or status in _WARNINGS else f"{name} answered with status {status:04X}"


def _implicit(dataset: Dataset) -> Dataset:
    """The same object in the transfer syntax that all DICOM systems know."""
    file = io.BytesIO()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


class StowCarrier:
    """By STOW-RS (DICOMweb)."""

    def __init__(self, destination: Destination) -> None:
        from dicomweb_client import DICOMwebClient

        self.destination = destination
        self._session = _session(destination)
        self._client = DICOMwebClient(destination.url, session=self._session)
        self._client.set_http_retry_params(retry=False)

    def carry(self, documents: Sequence[Path]) -> Iterator[str | None]:
        """See `Carrier`."""
        return (self._store(pydicom.dcmread(path)) for path in documents)

    def _store(self, dataset: Dataset) -> str | None:
        import requests

        name = self.destination.name
        try:
            answer = self._client.store_instances([dataset])
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status in (400, 409, 415, 422):
                return f"{name} answered with HTTP {status}"
            kind = Interrupted if status >= 500 else Unreachable
            raise kind(f"{name} answered with HTTP {status}") from None
        except requests.RequestException as error:
            raise Unreachable(f"{name} cannot be reached ({type(error).__name__})") from None
        return _refusal(answer, name)


def _refusal(answer: Mapping[Any, Any] | Dataset, name: str) -> str | None:
    """Why a STOW-RS server did not keep an object; None if it did."""
    failed = answer.get("FailedSOPSequence") or []
    reasons = [int(item.get("FailureReason") or 0) for item in failed]
    return f"{name} did not keep it, reason {reasons[0]:04X}" if reasons else None


def _session(destination: Destination) -> Any:
    """A session of HTTP with the token and the certificates of a destination, which waits `SECONDS` at most."""
    import requests
    from requests.adapters import HTTPAdapter

    class Impatient(HTTPAdapter):
        """Waits so long and no longer."""

        def send(self, *args: Any, **options: Any) -> Any:
            """Send a request."""
            return super().send(*args, **options | {"timeout": SECONDS})

    session = requests.Session()
    session.trust_env = False  # no proxy, and no passwords of the user's files
    session.mount("http://", Impatient())
    session.mount("https://", Impatient())
    if destination.token_file:
        session.headers["Authorization"] = f"Bearer {_text(destination.token_file)}"
    if destination.ca_file:
        _trusted(ssl.create_default_context(), destination.ca_file, f"destination {destination.name}: ca_file")
        session.verify = str(destination.ca_file)
    return session


def server_tls(tls: Tls | None) -> ssl.SSLContext | None:
    """The encryption of the node's listener; callers need a certificate if ``client_ca`` is set."""
    if tls is None:
        return None
    context = _loaded(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), tls)
    if tls.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(tls: Tls | None) -> ssl.SSLContext | None:
    """The encryption towards destinations, with the node's own certificate."""
    return _loaded(ssl.create_default_context(ssl.Purpose.SERVER_AUTH), tls) if tls else None


def _loaded(context: ssl.SSLContext, tls: Tls) -> ssl.SSLContext:
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        raise no_certificate(f"tls: {tls.certificate} and {tls.key}", "certificate and key", error) from None
    return _trusted(context, tls.client_ca, "tls: client_ca") if tls.client_ca else context


def _trusted(context: ssl.SSLContext, certificates: Path, where: str) -> ssl.SSLContext:
    """A context that trusts the certificates of a file, which a setting names."""
    try:
        context.load_verify_locations(certificates)
    except OSError as error:
        raise no_certificate(f"{where} = {certificates}", "certificate", error) from None
    return context


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
