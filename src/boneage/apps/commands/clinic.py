"""Commands that serve a clinic: serve."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..options import Model, SiteFile


def serve(
    host: Annotated[str, typer.Option(help="the address to listen on; others than this computer's need a token")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free")] = 8000,
    model: Model = "default",
    record: Annotated[str | None, typer.Option(metavar="FILE|URL", help="keep readings; default: no")] = None,
    record_key: Annotated[Path | None, typer.Option(help="key of the patients' hashes; default: FILE.key")] = None,
    keep_films: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="with --record: keep the films too, pixels only; default: no"),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="what callers must send; made if it is not there")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="a certificate, PEM")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="its key, PEM")] = None,
    root_path: Annotated[str, typer.Option(metavar="PATH", help="what a proxy puts before every address")] = "",
    plain_http: Annotated[bool, typer.Option("--plain-http", help="beyond this computer without TLS")] = False,
    site: SiteFile = None,
    node: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="show the films that the node with these settings holds, for a reviewer to decide on; its model and "
            "record are used",
        ),
    ] = None,
    study: Annotated[
        Path | None, typer.Option(metavar="STUDY.toml", help="with --record: a reading session and nothing else")
    ] = None,
    quiz: Annotated[
        Path | None, typer.Option(metavar="GALLERY", help="with --record: a quiz over a data folder and nothing else")
    ] = None,
) -> None:
    """Open the reading room: a page and a service on this computer."""
    from ...clinic.film_store import FilmStore
    from ...clinic.record import Record
    from ...clinic.sessions import opened_session
    from ...reading.occlusion import over_film
    from ...reading.predictor import Predictor
    from ...reading.regional import Regional
    from ..web.access import token_for
    from ..web.app import create_app
    from ..web.node import of_node
    from ..web.server import serve

    model, record, worklist = of_node(node, model, record) if node else (model, record, None)
    films = FilmStore.open(keep_films, recorded=bool(record)) if keep_films else None
    opened = Record.open(record, record_key) if record else None
    session = opened_session(study, quiz, opened)
    token = token_for(host, token_file, encrypted=bool(tls_cert and tls_key), plain=plain_http, session=session)
    predictor, regional = Predictor.load(model, threads=1, site=site), Regional.installed(threads=1)
    create = partial(create_app, explain=partial(over_film, predictor), regional=regional, session=session)
    web = create(predictor, opened, films, worklist, token=token, root_path=root_path)
    serve(web, host, port, tls_cert=tls_cert, tls_key=tls_key)
