"""Films of a DICOMweb service: found by QIDO-RS, fetched by WADO-RS."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from ...errors import BadConfig, BadTable, MissingPackage, UnreadableImage
from ...types import Sex
from .planned import Planned

PREFIX = "dicomweb+"
TOKEN = "BONEAGE_DICOMWEB_TOKEN"  # in the environment: a bearer token, which no file and no command line shows
PAGE = 1000  # films in an answer
SECONDS = 60.0  # that a service may take to answer
_UIDS = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}


def is_query(name: str) -> bool:
    """Whether a source or a film's address is one of DICOMweb."""
    return name.lower().startswith((PREFIX + "http://", PREFIX + "https://"))


def films(query: str, sex: Sex | None) -> Iterator[Planned]:
    """The films that a query finds: ``dicomweb+https://HOST/ROOT?Modality=DX&BodyPartExamined=HAND``.

    They are asked for page by page. A film's id is its SOP instance UID.

    Raises:
        BadConfig: if the query is not understood.
        MissingPackage: without `boneage[dicom]`.
        BadTable: if the service cannot be reached, or refuses.
        UnreadableImage: if it finds no film.
    """
    root, _, words = query.partition("?")
    filters, start, first = dict(parse_qsl(words)), 0, ""
    if "@" in root:
        raise BadConfig(f"{PREFIX}… with a user in it would stand in every row: a token belongs into {TOKEN}")
    if words and not filters:
        raise BadConfig(f"{query} is no query: {words!r} should be ATTRIBUTE=VALUE, several joined by &")
    while True:
        try:
            page = _client(root).search_for_instances(search_filters=filters, limit=PAGE, offset=start)
        except MissingPackage:
            raise
        except Exception as error:  # requests' and the client's own
            raise BadTable(f"{root} does not answer the query: {_words(error)}") from None
        if page and (begins := _address(root, page[0])) == first:
            raise BadTable(f"{root} gives the same films for every page: it does not know the parameter offset")
        first = begins if page else ""
        for found in page:
            yield Planned(_value(found, _UIDS["instances"], root), _address(root, found), sex=sex)
        start += len(page)
        if not page:
            break
    if not start:
        raise UnreadableImage(f"{query} finds no film")


def fetched(address: str) -> bytes:
    """The bytes of a film as a DICOM file.

    Raises:
        MissingPackage: without `boneage[dicom]`.
        UnreadableImage: if the service does not give it.
    """
    root, _, path = address.rpartition("/studies/")
    study, _, rest = path.partition("/series/")
    series, _, instance = rest.partition("/instances/")
    import io

    try:
        client = _client(root)
        dataset = client.retrieve_instance(study, series, instance, media_types=(("application/dicom", "*"),))
        written = io.BytesIO()
        dataset.save_as(written, enforce_file_format=True)
    except MissingPackage:
        raise
    except Exception as error:
        raise UnreadableImage(f"cannot read {address}: {_words(error)}") from None
    return written.getvalue()


@lru_cache(maxsize=4)
def _client(root: str) -> Any:
    """A client of a service, which keeps its connections."""
    try:
        from dicomweb_client.api import DICOMwebClient
        from dicomweb_client.session_utils import create_session
    except ModuleNotFoundError as error:
        raise MissingPackage(f"{root}: this needs boneage[dicom]: {error.name} is not installed") from None
    session, token = create_session(), os.environ.get(TOKEN)
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    send = session.send

    def send_in_time(request: Any, **options: Any) -> Any:
        return send(request, **{**options, "timeout": options.get("timeout") or SECONDS})

    session.send = send_in_time  # type: ignore[method-assign]
    return DICOMwebClient(root.removeprefix(PREFIX), session=session)


def _address(root: str, found: Mapping[str, Any]) -> str:
    return "/".join([root.rstrip("/"), *(f"{kind}/{_value(found, tag, root)}" for kind, tag in _UIDS.items())])


def _value(found: Mapping[str, Any], tag: str, root: str) -> str:
    try:
        return str(found[tag]["Value"][0])
    except (KeyError, IndexError, TypeError):
        raise BadTable(f"{root} names a film without its {tag[:4]},{tag[4:]}") from None


def _words(error: Exception) -> str:
    """What went wrong, without addresses and headers that a message may quote."""
    answer = getattr(error, "response", None)
    return f"HTTP {answer.status_code}" if answer is not None else type(error).__name__
