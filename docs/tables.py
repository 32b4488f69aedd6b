"""The tables of docs/results.md and docs/curves.md, each from what a committed command wrote."""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boneage.evaluation import metrics, model_card
from boneage.evaluation.predictions import Predictions, read_predictions
from boneage.reading.weights import shipped

RESULTS = Path(__file__).parent / "results"


def found(name: str) -> Any:
    """A committed result, or None where it has not been measured yet."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def of(name: str, missing: str = "*Not measured yet.*") -> Callable[[Callable[[Any], str]], Callable[[], str]]:
    """Hands a committed result to the function that words it; ``missing`` where it has not been measured yet."""

    def wrap(words: Callable[[Any], str]) -> Callable[[], str]:
        @functools.wraps(words)
        def worded() -> str:
            got = found(name)
            return missing if got is None else words(got)

        return worded

    return wrap


def interval(metric: dict[str, float], digits: int = 2, unit: str = "", sign: str = "") -> str:
    """value (low to high)"""
    value, low, high = (f"{metric[key]:{sign}.{digits}f}" for key in ("value", "low", "high"))
    return f"{value}{unit} ({low} to {high})"


def models_table(*models: str) -> str:
    """One row for each evaluation of these models, or of the shipped ones, committed as ``evaluation_NAME.json``."""
    rows = []
    for path in sorted(RESULTS.glob("evaluation_*.json")):
        got = json.loads(path.read_text())
        if got["model"] not in (models or shipped()):
            continue
        name = got["model"] if got["model"] in shipped() else f"{got['model']} (a recipe, not shipped)"
        cells = [interval(got["mae"]), interval(got["rmse"]), interval(got["mape"], 1), interval(got["r2"], 3)]
        label = f"{name}{', sex not given' * got.get('sex_not_given', False)}, {got['weights_sha256'][:8]}"
        rows.append([label, f"{got['n']} {got['split']}", *cells])
    columns = ["model, weights", "films", "MAE, months", "RMSE, months", "MAPE, %", "R²"]
    return table(columns, rows) if rows else "*Not measured yet.*"


def curves() -> str:
    """The epochs of every committed run, a part for each recipe."""
    paths = sorted(RESULTS.glob("curve_*.jsonl"))
    return "\n\n".join(f"## `{path.stem.removeprefix('curve_')}`\n\n{curve(path)}" for path in paths)


def curve(path: Path) -> str:
    """A run's epochs: the lines of its log."""
    rows = []
    for line in map(json.loads, path.read_text().splitlines()):
        error = "–" if line["validation_mae"] is None else f"{line['validation_mae']:.2f}"
        rows.append([line["epoch"], line["size"], f"{line['loss']:.4f}", error, f"{line['seconds'] / 60:.1f}"])
    return table(["epoch", "pixels", "loss", "validation MAE, months", "minutes"], rows)


@of("evaluation_default")
def certainty(got: Any) -> str:
    """How well the shipped file's intervals hold."""
    return model_card.certainty(got["intervals"]) + ceiling()


@of("ceiling", missing="")
def ceiling(got: Any) -> str:
    """What an oracle of its own errors would reach against such labels."""
    spearman, auroc, surest = (
        " to ".join(f"{value:.2f}" for value in sorted(of[name] for of in got["readers"].values()))
        for name in ("spearman", "auroc", "surest")
    )
    readers = " to ".join(got["readers"])
    return (
        "\n\nThe ceiling: a simulated oracle with the same RMSE that knows its own error on every film, but not the "
        f"reader's (standard deviation {readers} months), reaches Spearman {spearman}, AUROC {auroc}, and {surest} "
        "times the MAE on its surest 80% (`python benchmarks/ceiling.py --out docs/results/ceiling.json`)."
    )


@of("members", missing="*Not chosen yet.*")
def members(got: Any) -> str:
    """The best means of networks that have not seen a fold, and what the shipped kinds add to each other."""
    one, three = got["one view"], got["three views"]
    rows = [
        [number, ", ".join(f"`{name}`" for name in found["networks"]), f"{found['mae']:.2f}", f"{other['mae']:.2f}"]
        for (number, found), other in zip(one["means"].items(), three["means"].values(), strict=True)
    ]
    columns = ["networks", "best mean, one view", "MAE, months", "MAE of the best mean, three views"]
    shipped = "\n\n".join(_parts(f"The kinds of `{name}`, one view", one[name]) for name in ("default", "best"))
    every, fourth = got["all folds"], got["fourth"]
    kinds = _parts(f"The kinds of `default` on all folds, as trained for `oof.csv` (n = {every['n']:,})", every)
    larger_hand = _parts("These and a network of the larger hand, of the first fold", fourth)
    gain = interval(got["larger hand"]["mae"], sign="+")
    larger = f"Beside the joints `hand_lite2_short` in place of `hand_short`, paired: {gain}."
    return "\n\n".join([table(columns, rows), f"*n = {got['n']:,} films.*", shipped, larger, kinds, larger_hand])


def _parts(what: str, found: Any) -> str:
    """What some networks add to each other, and what other weights or more views would."""
    without = ", ".join(f"`{kind}` {interval(value, sign='+')}" for kind, value in found["without"].items())
    weights = ", ".join(f"{weight:g}" for weight in found["best_weights"].values())
    words = (
        f"{what}: {interval(found['mae'])} months. Without one of them (paired): {without}. "
        f"The best weights are {weights}, which give {found['mae_of_best_weights']:.2f}."
    )
    views = found.get("three views")
    return f"{words} With three views: {interval(views, sign='+')}." if views else words


@of("comparison_reference", missing="*Not compared yet.*")
def references(got: Any) -> str:
    """The two reference networks on the same films."""
    return pairs(got)


@of("comparison_best", missing="*Not compared yet.*")
def best(got: Any) -> str:
    """What `best` gains over `default`."""
    return pairs(got)


def pairs(got: Any) -> str:
    """The verdict on each pair of models, and what their errors have in common."""
    lines = [pair["verdict"] for pair in got["pairs"]]
    lines += [
        f"RMSE: {interval(pair['rmse'])} months; {pair['b']} is nearer on {pair['win']} films, {pair['a']} on "
        f"{pair['lose']}; their errors correlate by {pair['error_correlation']:.2f}."
        for pair in got["pairs"]
    ]
    return "\n\n".join(lines)


@of("cost")
def cost(got: Any) -> str:
    """What the training runs cost."""
    columns = ("recipe", "pixels", "epochs", "minutes", "films a second", "10⁹ operations a film", "of the peak")
    rows = [
        (
            row["recipe"],
            row["size"],
            f"{row['epochs']:g}",
            f"{row['minutes']:.0f}",
            f"{row['films_per_second']:.1f}",
            f"{row['operations'] / 1e9:.1f}",
            f"{row['share_of_peak']:.0%}",
        )
        for row in got["runs"]
    ]
    peak = f"Peak: {got['peak'] / 1e12:.2f} × 10¹² operations a second in bfloat16, {got['cores']} cores."
    return f"{table(columns, rows)}\n\n{peak}"


@of("gpu")
def gpu(got: Any) -> str:
    """What training costs on a GPU: the steps alone, and the runs."""
    columns = (
        *("steps alone", "batch", "films a second", "on one constant batch", "real of constant", "launches"),
        *("milliseconds of the GPU", "least by bytes", "least by operations"),
    )
    runs = [
        (
            row["recipe"],
            f"{row['epochs']:g}",
            f"{row['minutes']:.1f}",
            f"{row['films_per_second']:.0f}",
            f"{row['share_of_peak']:.1%}",
        )
        for row in got["runs"]
    ]
    took = ("runs", "epochs", "minutes", "films a second", "of the peak")
    peak = f"{got['device']}; peak, measured: {got['peak'] / 1e12:.0f} × 10¹² operations a second in bfloat16, and "
    peak += f"{got['copy'] / 1e12:.1f} × 10¹² bytes a second of a copy."
    steps = table(columns, [_gpu_step(row) for row in got["steps"]])
    return f"{steps}\n\n{table(took, runs)}\n\n{peak}"


def _gpu_step(row: Any) -> Sequence[object]:
    how = ", ".join(word for word in ("compiled", "graphs", "before") if row.get(word))
    busy = "*" if row.get("busy_processor") else ""
    spent = row.get("milliseconds")
    least = row.get("least_milliseconds", {})
    return (
        f"{row['recipe']} ({how})" if how else row["recipe"],
        row["batch"],
        f"{row['real']:.0f}{busy}",
        f"{row['constant']:.0f}{busy}",
        "–" if busy else f"{row['real'] / row['constant']:.0%}",
        row.get("launches", "–"),
        f"{sum(spent.values()):.0f}" if spent else "–",
        *(f"{least[name]:.1f}" if name in least else "–" for name in ("bytes", "operations")),
    )


def variants(group: str, reference: str = "", again: str = "") -> str:
    """Trials that differ in one setting, read on the same films; paired with the reference if there is one.

    ``again``: the reference with another seed. A difference is noise where its interval holds zero, or where it is no
    larger than the other seed's.
    """
    folder = RESULTS / "variants" / group
    about = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    if not about or (reference and reference not in about):
        return "*Not run yet.*"
    read = {name: read_predictions(folder / f"{name}.csv") for name in about}
    columns = ["trial", "MAE, months", *(["against the reference, months", "what of it"] * bool(reference)), "minutes"]
    rows = []
    for name in sorted(about, key=lambda name: (name != reference, name != again, name)):
        error = interval(metrics.summary(read[name].labels, read[name].predictions)["mae"])
        beside = _beside(read, name, reference, again) if reference else []
        rows.append([name.replace("_", " "), error, *beside, f"{about[name]['minutes']:.0f}"])
    return table(columns, rows)


def amounts() -> str:
    """The error by number of training films, and its picture."""
    drawn = (RESULTS.parent / "images" / "amounts.webp").exists()
    return "![Error against the number of training films](images/amounts.webp)\n\n" * drawn + variants("amounts")


def _beside(read: dict[str, Predictions], name: str, reference: str, again: str) -> list[str]:
    """A trial's difference from the reference, and whether it is more than noise."""
    if name == reference:
        return ["–", "–"]
    found = {key: _difference(read[reference], read[key]) for key in (name, again) if key in read}
    own, seed = found[name], abs(found[again]["value"]) if again in found else 0.0
    if name == again:
        return [interval(own), "two runs of the same"]
    is_noise = own["low"] <= 0 <= own["high"] or abs(own["value"]) <= seed
    return [interval(own), "noise" if is_noise else "worse" if own["value"] > 0 else "better"]


def _difference(base: Predictions, other: Predictions) -> dict[str, float]:
    assert base.ids == other.ids
    return metrics.paired(base.labels, base.predictions, other.predictions)["mae"]


def out_of_fold() -> str:
    """Every training film read by networks that have not seen it: ``oof.csv``, by fold and together, and the MAE that
    each kind of network has alone."""
    path = RESULTS / "tables" / "oof.csv"
    if not path.exists():
        return "*Not measured yet.*"
    with path.open() as file:
        films = list(csv.DictReader(file))
    parts = {fold: [film for film in films if film["fold"] == fold] for fold in sorted({f["fold"] for f in films})}
    columns = list(films[0])
    kinds = columns[columns.index("expected_error") + 1 :]
    rows = []
    for name, part in [*parts.items(), ("**all**", films)]:
        column = {key: np.array([float(film[key]) for film in part]) for key in ("label", "prediction", *kinds)}
        got = metrics.summary(column["label"], column["prediction"])
        alone = [f"{np.abs(column[kind] - column['label']).mean():.2f}" for kind in kinds]
        together = [interval(got["mae"]), interval(got["rmse"]), interval(got["r2"], 3)]
        rows.append([name, f"{len(part):,}", *together, *alone])
    heads = [f"`{kind}` alone" for kind in kinds]
    return table(["fold", "films", "MAE, months", "RMSE, months", "R²", *heads], rows)


@of("data_path")
def data_path(got: Any) -> str:
    """The cost of real batches over constant ones."""
    rows = [
        (
            row["pixels"],
            f"{row['real_seconds']:.3f}",
            f"{row['constant_seconds']:.3f}",
            f"{row['ratio']:.3f} ({row['low']:.3f} to {row['high']:.3f})",
        )
        for row in got["sizes"]
    ]
    memory = f"Peak resident memory with {got['films']} training films: {got['peak_memory_gib']:.2f} GiB."
    return f"{table(['pixels', 'real batch, s', 'constant batch, s', 'ratio'], rows)}\n\n{memory}"


@of("fit")
def fits(got: Any) -> str:
    """Squash, pad and crop."""
    rows = [
        (
            row["fit"],
            row["aspect"],
            interval(row["mae"]),
            "–" if row["against_squash"] is None else interval(row["against_squash"]),
        )
        for row in got["rows"]
    ]
    films = f"n = {got['n']} validation films, {got['train']} training films, {', '.join(got['settings'])}."
    return f"{table(['fit', 'read on films', 'MAE, months', 'against squash, months'], rows)}\n\n{films}"


def overfit() -> str:
    """Both reference networks on 64 films."""
    rows: list[Sequence[object]] = []
    for name in ("resnet50", "inception_v4"):
        got = found(f"overfit_{name}")
        if got is None:
            rows.append((name, "–", "–", "not run yet", "–", "–"))
            continue
        last, settings = got["curve"][-1], " ".join(got["settings"])
        rows.append((name, got["n"], last["epoch"], f"{last['mae']:.2f}", f"{last['seconds'] / 60:.1f}", settings))
    return table(["network", "films", "epochs", "MAE on them, months", "minutes", "settings"], rows)


@of("locator")
def locator(got: Any) -> str:
    """The locator on held-out films."""
    columns = (
        *("films", "n", "mean error, % of the hand's length", "90th percentile", "worst film"),
        *("mirror image recognised", "inversion recognised", "rotation, median error"),
    )
    rows = []
    for name, words in (("as_stored", "as they are"), ("turned", "turned, mirrored, squashed, inverted")):
        one = got[name]
        errors = (f"{one['error']:.2f}", f"{one['error_90']:.2f}", f"{one['worst_film']:.1f}")
        recognised = (f"{one['mirrored']:.0%}", f"{one['inverted']:.0%}", f"{one['rotation']:.1f}°")
        rows.append((words, one["n"], *errors, *recognised))
    return table(columns, rows)


@of("quality")
def quality(got: Any) -> str:
    """What the quality flags refuse, by family, and what they say of real films."""
    real, others = got["real"], got["non_hands"]
    rows = [(name, one["n"], one["refused"]) for name, one in sorted(others["families"].items())]
    missed = others["n"] - others["refused"]
    poses = ", ".join(f"{name} {count} of {real['poses']['n']}" for name, count in real["poses"]["told"].items())
    flagged = ", ".join(f"{name} {n}" for name, n in real["flagged"].items()) or "none"
    refused = f"{others['refused']} ({missed} missed, at most {others['missed_upper']:.1%})"
    rows.append(("**all unseen families**", others["n"], refused))
    return "\n\n".join(
        [
            table(["pictures that are no hands", "n", "refused"], rows),
            f"Real films: {real['refused']} of {real['n']} {got['split']} films refused, at most "
            f"{real['refused_upper']:.2%} (97.5 % upper bound); flags: {flagged}. Recognised: {poses}.",
        ]
    )


@of("composites")
def composites(got: Any) -> str:
    """What is remarked of things drawn onto films."""
    rows = []
    for name, one in got["composites"].items():
        remarked = ", ".join(f"{code} {count}" for code, count in one["remarked"].items()) or "–"
        shift = f"{one['shift']['median']:.1f}, {one['shift']['p95']:.1f} (n = {one['compared']})"
        rows.append((name, f"{one['refused']} of {got['n']}", remarked, shift))
    columns = ("drawn onto a film", "refused", "remarked", "shift of the age, months: median, 95th percentile")
    return table(columns, rows)


@of("explain")
def explanation(got: Any) -> str:
    """The deletion test of the heat maps."""
    rows = []
    for name, words in (("heat", "the heat map's"), ("random", "a random map's"), ("centre", "the middle's")):
        months = [f"{shift:.1f}" for shift in got["curves"][name]]
        rows.append([f"{words} first", *months, f"{got['areas'][name]:.1f}"])
    random, centre = (interval(got["against"][name]) for name in ("random", "centre"))
    regions = ", ".join(f"{name} {share:.0%}" for name, share in got["regions"].items())
    columns = ["of the film blurred away", *(f"{share:.0%}" for share in got["shares"]), "area"]
    return (
        f"{table(columns, rows)}\n\nMean shift of the age in months, n = {got['n']} {got['split']} films, weights "
        f"{got['weights_sha256'][:8]}. Against a random map {random} times the area, against the middle "
        f"{centre} times. The heat by region: {regions}. A map takes {got['cpu_seconds']['median']:.2f} s of one core."
    )


@of("serve")
def room(got: Any) -> str:
    """The reading room under load."""
    page, slow, load, memory, stop, schema = (
        got[name] for name in ("page", "slow", "overload", "memory", "stop", "schema")
    )
    over = load["overload"]
    rows = [
        ("page ready", f"{page['ready']['median']:.2f} s, {page['transferred_bytes'] / 1000:.0f} kB"),
        (
            "from drop to age on the page, warm",
            f"{page['drop_to_age']['median']:.2f} s, at most {page['drop_to_age']['largest']:.2f} s (n = {page['n']})",
        ),
        (
            f"readings asked {over['times']} times as often as can be read, {over['seconds']} s",
            f"only {' and '.join(sorted(over['statuses']))}; {over['per_second']:.1f} readings a second, "
            f"{load['throughput']:.0%} of the best without overload "
            f"({min(load['throughputs']):.0%} to {max(load['throughputs']):.0%} in {len(load['throughputs'])} turns)",
        ),
        ("health meanwhile, 99th percentile", f"{1000 * load['health']['p99']:.0f} ms (n = {load['health']['n']})"),
        (
            f"a reading among {slow['clients']} slow or half-open clients",
            f"{slow['ratio']:.2f} times its usual {slow['alone']['median']:.2f} s",
        ),
        (
            f"SIGTERM with {len(stop['inside'])} readings inside",
            f"answered with {', '.join(map(str, stop['inside']))}; exit {stop['exit']} after {stop['seconds']:.1f} s",
        ),
        (f"resident memory over {memory['n']:,} readings", f"{memory['growth_mib']:+.0f} MiB"),
        (
            f"schemathesis, all checks, {schema['examples']} examples an operation",
            f"{schema['passed']:,} of {schema['cases']:,} cases pass, {schema['dropped']} of them against "
            "what the tool wrongly expected (`tests/schema_hooks.py` says which)",
        ),
    ]
    film = f"Films: a PNG of {got['film_bytes'] / 1e6:.1f} MB, 2000 × 1500 pixels."
    return f"{table(['what', 'measured'], rows)}\n\n{film}"


@of("node")
def node(got: Any) -> str:
    """The DICOM node and the container against their bars."""
    speed, kills, hostile, boxed = (got[name] for name in ("speed", "kills", "hostile", "container"))
    took, echoes, runs = speed["seconds_to_documents"], hostile["echo_seconds"], boxed["seconds"]
    rows = [
        (
            "film received → all its documents in the PACS, warm",
            "≤ 2 s",
            f"{took['median']:.2f} s, at most {took['worst']:.2f} s (n = {took['n']}); the first of the process "
            f"{speed['first_seconds_to_documents']:.2f} s",
        ),
        (
            f"{speed['films']} films of {speed['film_bytes'] / 1e6:.0f} MB in one association",
            "≥ 8 a second received, none lost",
            f"{speed['received_a_second']:.1f} received and {speed['answered_a_second']:.1f} answered a second, "
            f"{speed['lost']} lost",
        ),
        (
            f"{kills['rounds']} × kill -9 under load, the PACS down in a fifth of them, the spool full in another",
            "each acknowledged film answered exactly once",
            f"{kills['answered_of_acknowledged']} of {kills['acknowledged']} answered, "
            f"{kills['answered_more_than_once']} more than once; {kills['objects_that_came_again']} documents came "
            f"again, {kills['objects_that_came_again_with_other_bytes']} of them with other bytes",
        ),
        (
            "C-ECHO among hostile peers",
            "≤ 1 s",
            f"{echoes['median']:.3f} s, at most {echoes['worst']:.2f} s (n = {hostile['echoes']})",
        ),
        ("memory meanwhile over idle", "≤ 300 MB", f"{1.048576 * hostile['mebibytes_over_idle']:.0f} MB"),
        ("files named by what a peer sent", "none", str(hostile["files_by_names_of_senders"] or "none")),
        (
            f"`boneage container`, {boxed['films']} films, uid {boxed['user']}, read-only root, no network, cold",
            "≤ 10 s",
            f"{runs['median']:.1f} s, at most {runs['worst']:.1f} s (n = {runs['n']})",
        ),
    ]
    return f"{table(['what', 'bar', 'measured'], rows)}\n\nMachine: {got['machine']}."


@of("archive")
def archive(got: Any) -> str:
    """An archive's growth against its bars, as far as it has been measured."""
    rows = [row for name, words in _ARCHIVE.items() if name in got for row in words(got[name])]
    return f"{table(['what', 'bar', 'measured'], rows)}\n\nMachine: {got['machine']}."


def _planned(got: Any) -> list[tuple[str, str, str]]:
    found = ((f"{int(count):,} names planned", one) for count, one in got.items())
    words = "{names_per_second:,} a second, {memory_mb} MB, {manifest_bytes_per_film} bytes a film in the manifest"
    return [(what, "≥ 50,000 a second", words.format(**one)) for what, one in found]


def _grown(what: str) -> Callable[[Any], list[tuple[str, str, str]]]:
    words = (
        "{films_per_second:g} films a second; a worker {worker_mb[0]} to {worker_mb[1]} MB; "
        "{readings_bytes_per_film:.0f} bytes a film; merged at {merge_rows_per_second:,} rows a second"
    )
    bars = "a worker ≤ 300 MB, ± 20; merge ≥ 200,000 rows a second"
    return lambda got: [(f"{int(count):,} films {what}", bars, words.format(**one)) for count, one in got.items()]


def _killed(got: Any) -> list[tuple[str, str, str]]:
    found = []
    for engine, one in got.items():
        kills = ", ".join(f"{count} {what}" for what, count in one["kills"].items())
        equal = "the same bytes" if one["same bytes as an unbroken run"] else "OTHER BYTES"
        what = f"{one['films']:,} films by {engine}, kill -9 of {kills}"
        found.append((what, "every film once, as in an unbroken run", f"{one['merged films']:,} films merged, {equal}"))
    return found


def _engines(got: Any) -> list[tuple[str, str, str]]:
    rates = [f"{name} {one['films_per_second']:g}" for name, one in got.items() if name != "same bytes"]
    films = next(iter(got.values()))["films"]
    equal = "the same bytes" if got["same bytes"] else "OTHER BYTES"
    return [(f"{films:,} films by every engine", "the same bytes", f"{equal}; films a second: {', '.join(rates)}")]


def _scaled(got: Any) -> list[tuple[str, str, str]]:
    ratios, rates = got["two to one"], got["films_per_second"]
    words = f"{ratios[len(ratios) // 2]} ({ratios[0]} to {ratios[-1]}, n = {len(ratios)}): "
    words += f"{rates['1']} and {rates['2']} a second"
    return [(f"two workers against one, {got['films']:,} films", "≥ 1.8", words)]


def _odd(got: Any) -> list[tuple[str, str, str]]:
    more = got["with"]["failed"]
    words = f"{got['with']['seconds']} s, {got['without']['seconds']} s without them; {more} rows with a reason"
    return [("1,000 broken files, a pipe and a circle in the folder", "no more than their rows", words)]


_ARCHIVE: dict[str, Callable[[Any], list[tuple[str, str, str]]]] = {
    "plan": _planned,
    "growth": _grown("read"),
    "bookkeeping": _grown("by a stand-in reader, which reads nothing"),
    "scaling": _scaled,
    "engines": _engines,
    "kills": _killed,
    "odd": _odd,
}


@of("reading_rate")
def reading_rate(got: Any) -> str:
    """Films a second, and where the time of a film goes."""
    return _rates(got)


def _rates(got: Any) -> str:
    names = {"before": "one process, in float32", "now": "a process of each core, in integers"}
    ways = {name: got["ways"][name] for name in names if name in got["ways"]}
    rates = [
        (
            names[name],
            f"{way['films_a_second']:.1f}",
            f"{way['times']['median']:.2f} ({way['times']['low']:.2f} to {way['times']['high']:.2f})",
            f"{way['core_milliseconds']:.0f}",
            f"{way['largest_process_mib']} MiB",
            f"{way['largest_shift']:.2f}",
        )
        for name, way in ways.items()
    ]
    stages = next(iter(ways.values()))["milliseconds"]
    spent = [(stage, *(f"{way['milliseconds'][stage]:.1f}" for way in ways.values())) for stage in stages]
    return "\n\n".join(
        [
            table(
                [
                    "how",
                    "films a second",
                    "times the first, in pairs",
                    "ms of a core a film",
                    "largest process",
                    "months from the first, at most",
                ],
                rates,
            ),
            table(["milliseconds of one core", *(names[name] for name in ways)], spent),
            f"{got['films']} validation films of 299 pixels, {got['rounds']} rounds in turn; {got['cores']} cores of "
            f"{got['cpu']}.",
        ]
    )


@of("reading_rate_vnni")
def reading_rate_vnni(got: Any) -> str:
    """The same where the processor multiplies integers."""
    return _rates(got)


@of("integers")
def integers(got: Any) -> str:
    """A network in integers against the same in float32."""
    rows = []
    for given, words in (("known", "given"), ("unknown", "not given")):
        one, holds = got[given], got[given]["intervals"]
        shift = one["shift"]
        cover = ["/".join(f"{100 * share:.1f}" for share in holds[m]["coverage"].values()) for m in ("model", "fast")]
        out = [f"{len(holds[model]['cells_out'])} of {holds['cells']}" for model in ("model", "fast")]
        rows.append(
            (
                words,
                " and ".join(f"{mae:.2f}" for mae in one["mae"]),
                interval(one["mae_change"], 3, sign="+"),
                f"{shift['mean_absolute']:.2f}, {shift['p99']:.2f}, {shift['largest']:.2f}",
                " and ".join(cover),
                " and ".join(out),
            )
        )
    header = [
        "sex",
        "MAE",
        "change",
        "difference: mean, 99th percentile, largest",
        "within 50/80/90 %",
        "cells outside",
    ]
    return f"{table(header, rows)}\n\n{got['n']:,} {got['split']} films; weights {' and '.join(got['weights'])}."


def smaller() -> str:
    """Start-up, export and cache, one line each."""
    lines = []
    if start := found("start"):
        for name, words in (
            ("help", "`boneage --help`"),
            ("predict", "`boneage predict` of one 2000 × 1500 PNG, cold"),
            ("warm", "the same reading in a program that is warm, from file to age, flags and intervals"),
            ("warm_small", "that of a film of 300 × 300 pixels"),
            ("warm_heatmap", "that of the 2000 × 1500 PNG with its heat map"),
        ):
            got = start[name]
            lines.append(
                f"- {words}: {got['median']:.2f} s ({got['low']:.2f} to {got['high']:.2f}, {start['runs']} runs)"
            )
    if parity := found("export_parity"):
        lines.append(
            f"- ONNX against torch: largest difference {parity['largest']:.4f} months on {parity['n']} validation films"
        )
    if eighths := found("export_parity_int8"):
        lines.append(
            "- `default` in 8 bits, as shipped, against its networks in torch, one view of each film: 99th "
            f"percentile of the difference {eighths['p99']:.2f} months, mean {eighths['mean']:.3f}, MAE "
            f"{eighths['mae_change']:+.3f} months, on {eighths['n']:,} validation films"
        )
    if twins := found("originals"):
        lines.append(
            f"- {twins['n']} films at their native resolution against their 299-pixel squashed twins: largest "
            f"difference {twins['largest']:.1f} months, mean {twins['mean']:.1f}"
        )
    if hands := found("demo"):
        words = {"with": "with bfloat16", "without": "without"}
        for name, got in hands["alone"].items():
            beside = f", {hands['beside'][name]['seconds']:.0f} beside one busy process" if "beside" in hands else ""
            lines.append(
                f"- `boneage demo`, two cores {words[name]}: {got['seconds']:.0f} seconds{beside}; its small network "
                f"reads {got['n']} fresh synthetic hands with R² {interval(got['r2'], 3)}"
            )
        lines.append(f"- one core draws {hands['films_drawn_a_second']:.0f} hands of {hands['size']} pixels a second")
    if cache := found("cache"):
        whole, hand = cache["whole"]["per_second"], cache["hand"]["per_second"]
        lines.append(
            f"- building the cache of {cache['films']} films: {whole:.0f} a second, {hand:.0f} with the hand brought "
            "upright"
        )
    if memory := found("memory"):
        ratio = memory["ratio"]
        lines.append(
            f"- a training step that hands freed memory back to the system, against one that keeps it: "
            f"{ratio['median']:.2f} times as long ({ratio['low']:.2f} to {ratio['high']:.2f}, {memory['rounds']} pairs)"
        )
    if kernels := found("depthwise"):
        total = kernels["totals"]
        lines.append(
            f"- the gradients of the depthwise convolutions of a batch of {kernels['films']} films: "
            f"{total['library']:.2f} s by the library's kernels, {total['ours']:.2f} s by ours; the forward pass takes "
            f"{total['forward']:.2f} s"
        )
    return "\n".join(lines) or "*Not measured yet.*"


@of("native")
def native(got: Any) -> str:
    """How much more a cell holds of an original than of its thumbnail."""
    rows = [
        (band.replace("-", " to "), f"{gain['median']:.1f}", f"{gain['low']:.1f} to {gain['high']:.1f}")
        for band, gain in got["gain"].items()
    ]
    return table(
        (f"cycles in a cell of {got['cell']} pixels", f"power, original / twin, median of {got['n']}", "range"), rows
    )


@of("processes")
def processes(got: Any) -> str:
    """Whether a training depends on how many processes share it."""
    apart, kills = got["gradients"], got["kills"]
    stops = f"{kills['stops']} times ({kills.get('by_SIGKILL', 0)} of them by SIGKILL)"
    return (
        f"The gradients of a batch's first step differ by at most {apart['processes_2']:.1e} for two processes and "
        f"{apart['processes_4']:.1e} for four from those of one; the largest is {apart['largest']:.2f}. A run was "
        f"stopped or killed {stops} and went on with 1, 2 or 4 processes, another number than before "
        f"{kills['changes_of_number']} times: of {kills['steps']} steps {kills['steps_with_other_films']} took other "
        f"films than those of a run that nothing stopped, and {kills['films_lost_or_doubled']} films came twice in an "
        f"epoch. The loss of an epoch differs from that run's by at most {kills['largest_difference_of_loss']:.1e}."
    )


@of("film_memory")
def film_memory(got: Any) -> str:
    """What the largest films need."""
    rows = sorted(got["kinds"].items(), key=lambda item: -item[1]["with_children_mb"])
    cells = [
        (name, f"{one['file_mb']:.0f}", f"{one['with_children_mb']:,}", f"{one['seconds']:.0f}") for name, one in rows
    ]
    return table(("file", "its size, MB", "peak, MB", "seconds"), cells)


TABLES = {
    "native": native,
    "processes": processes,
    "film_memory": film_memory,
    "models": lambda: models_table(*shipped(), "quick"),
    "certainty": certainty,
    "room": room,
    "node": node,
    "archive": archive,
    "references": references,
    "best": best,
    "cost": cost,
    "gpu": gpu,
    "changes": lambda: variants("changes", "reference", "another_seed"),
    "amounts": amounts,
    "oof": out_of_fold,
    "members": members,
    "data_path": data_path,
    "fits": fits,
    "overfit": overfit,
    "locator": locator,
    "quality": quality,
    "composites": composites,
    "explanation": explanation,
    "reading_rate": reading_rate,
    "reading_rate_vnni": reading_rate_vnni,
    "integers": integers,
    "smaller": smaller,
}
