"""The page of `boneage agree`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..evaluation import html
from ..evaluation.wording import band, interval, measured, number
from .deviation import INTERVAL
from .interchange import FARTHER, INTERCHANGEABLE

MEANING = (
    "ICC: the share of the variance of ratings that is the films' and not the readers'; A counts readers' biases as "
    "disagreement, C does not; 1 is for one reader, k for the mean of all.",
    "Krippendorff's α: 1 for readers who agree, 0 for readers who might as well have drawn lots.",
    "MAD: mean absolute difference. RMSE: root mean square difference. Bias: mean difference.",
    "Limits of agreement: 95 % of differences lie between bias - 1.96 and bias + 1.96 standard deviations, if they are "
    "normally distributed and as large at every age. Below 100 pairs their confidence limits are exact (Carkeet 2015).",
    "Proportional bias: how much the difference grows for each month of age. It also differs from 0 where one of the "
    "two varies more than the other.",
    "Consensus (RSNA challenge): the mean of the readers; each one's bias and MAD from it; the bias taken off, and the "
    "mean taken again with weights 1 / MAD. A reader has a part in it, and is nearer to it than to the mean of others.",
)


def page(found: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """A whole report of what `boneage.study.agree.agree` measured."""
    people, programs = len(found["readers"]), len(found["programs"])
    title = f"Agreement of {_count(people, 'reader')}" + (f" and {_count(programs, 'program')}" if programs else "")
    drawn = iter(pictures.values())
    body = [
        html.heading("In words"),
        html.bullets(sentences(found)),
        html.heading("Reliability"),
        _reliability(found),
        html.heading("Each against the mean of the others"),
        _figure(1, next(drawn), "Bias and mean absolute difference.", f"Bars: {INTERVAL}."),
        _deviations("The mean of the readers without the one that is judged.", found["against_others"]),
        html.heading("Each against the consensus"),
        _consensus(found),
        _figure(
            2, next(drawn), "Bland-Altman.", "Each film a point; bias and limits of agreement as lines.", wide=True
        ),
        _deviations("The consensus of the RSNA challenge's rule.", found["against_consensus"]),
        html.heading("Each pair"),
        _figure(3, next(drawn), "Mean absolute difference of each pair, months.", "Darker: farther apart."),
        _pairs(found["pairs"]),
        _within(found),
        _interchangeability(found["interchangeability"]),
        _groups(found["groups"]),
        html.heading("What the numbers mean"),
        html.bullets(MEANING),
        html.heading("Provenance"),
        html.facts(_facts(found)),
    ]
    return html.page(title, f"{found['n']:,} films of {found['table']}", body)


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What the numbers say, in words, with intervals."""
    said, coefficients = [], found["reliability"]["icc"]
    if (single := coefficients["ICC(A,1)"])["value"] is not None:
        said.append(f"A single reader's ratings have an ICC(A,1) of {measured(single, digits=3)}.")
    for name, of in found["interchangeability"].items():
        if of:
            said.append(verdict(name, of))
    for name, of in found["within"].items():
        if of:
            said.append(
                f"{name} rated {of['films']:,} films more than once: standard deviation {number(of['sd'], 2)} months, "
                f"repeatability {number(of['repeatability'], 1)} months."
            )
    return said + found["remarks"]


def verdict(name: str, of: Mapping[str, Any]) -> str:
    """A sentence on whether a program could take the place of a reader; it claims no more than the interval."""
    size = f"{measured(of['difference'], 'months', 2, signed=True)}, n = {of['n']:,}, margin {of['margin']:g}"
    than = f"from readers than readers do from each other: {size}."
    if of["verdict"] == INTERCHANGEABLE:
        return f"{name} is interchangeable with a reader; how much more it differs {than}"
    if of["verdict"] == FARTHER:
        return f"{name} is no substitute for a reader; how much more it differs {than}"
    return f"Whether {name} could stand for a reader, these films cannot show; how much more it differs {than}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _figure(at: int, png: bytes, title: str, caption: str, *, wide: bool = False) -> str:
    return html.figure(at, png, title, caption, f"{title} {caption}", kind="plot wide" if wide else "plot")


def _cell(of: Mapping[str, Any], digits: int = 2, *, signed: bool = False) -> str:
    return f"{number(of['value'], digits, signed=signed)}\n{interval(of, digits, signed=signed)}"


def _reliability(found: Mapping[str, Any]) -> str:
    of = found["reliability"]
    rows = [(name, one["shrout_fleiss"], _cell(one, 3)) for name, one in of["icc"].items()]
    rows.append(("Krippendorff's α", "interval metric", _cell(of["alpha"], 3)))
    caption = (
        f"{', '.join(found['judges'])}; {of['films']:,} films. Intraclass correlations: {of['method']}. α: BCa "
        f"bootstrap over films, {found['resamples']:,} resamples. Below each value its 95 % interval."
    )
    return html.table(caption, ("McGraw and Wong", "Shrout and Fleiss", "value"), rows, words=2)


def _deviations(caption: str, found: Mapping[str, Any]) -> str:
    header = ("", "films", *(f"{name}\nmonths" for name in ("bias", "MAD", "RMSE")))
    header = (*header, "limits of agreement\nmonths", "proportional bias\nmonths per year")
    rows = [(name, *_row(of)) for name, of in found.items() if of]
    return html.table(f"{caption} Below each value its 95 % interval.", header, rows)


def _row(of: Mapping[str, Any]) -> tuple[str, ...]:
    slope = {end: None if at is None else 12 * at for end, at in of["proportional_bias"].items()}
    deviations = (_cell(of["bias"], signed=True), _cell(of["mad"]), _cell(of["rmse"]))
    return (f"{of['n']:,}", *deviations, _limits(of["limits"]), _cell(slope, signed=True))


def _limits(of: Mapping[str, Any]) -> str:
    ends = [number(of[end]["value"], 1, signed=True) for end in ("lower", "upper")]
    below = " and ".join(interval(of[end], 1, signed=True) for end in ("lower", "upper"))
    return f"{' to '.join(ends)}\n{below}"


def _consensus(found: Mapping[str, Any]) -> str:
    rows = [
        (name, number(of["bias"], 2, signed=True), number(of["mad"], 2), f"{100 * of['weight']:.1f} %")
        for name, of in found["consensus"].items()
    ]
    caption = "How it is made: each reader's bias and MAD from the mean of all, and the weight that follows."
    return html.table(caption, ("", "bias\nmonths", "MAD\nmonths", "weight"), rows)


def _pairs(pairs: Sequence[Mapping[str, Any]]) -> str:
    found = {f"{pair['b']}\nminus {pair['a']}": pair["found"] for pair in pairs}
    return _deviations("Differences of two.", found)


def _within(found: Mapping[str, Any]) -> str:
    """Readers' own errors and limits of agreement from repeated ratings, where there are any."""
    rows = [
        (name, f"{of['films']:,}", f"{of['ratings']:,}", number(of["sd"], 2), number(of["repeatability"], 1))
        for name, of in found["within"].items()
        if of
    ]
    if not rows:
        return ""
    header = ("", "films", "ratings", "standard deviation\nmonths", "repeatability\nmonths")
    own = html.table(
        "95 % of two ratings of one film by one reader differ by less than the repeatability.", header, rows
    )
    limits = [
        (f"{of['b']}\nminus {of['a']}", f"{of['n']:,}", number(of["bias"], 2, signed=True), _limits(of))
        for of in found["repeated"]
    ]
    columns = ("", "films", "bias\nmonths", "limits of agreement\nmonths")
    both = html.table(
        "Limits of agreement of single ratings, from all repeats (Bland and Altman 1999).", columns, limits
    )
    return html.heading("Rated more than once") + own + both


def _interchangeability(found: Mapping[str, Any]) -> str:
    keys = ("with_program", "between_readers", "difference")
    rows = [
        (name, f"{of['n']:,}", *(_cell(of[key], signed=key == "difference") for key in keys), of["verdict"])
        for name, of in found.items()
        if of
    ]
    if not rows:
        return ""
    header = ("", "films", "program to reader\nmonths", "reader to reader\nmonths", "difference\nmonths", "verdict")
    caption = "Mean absolute differences on the same films, with 95 % BCa bootstrap intervals over films."
    return html.heading("Could a program take the place of a reader?") + html.table(caption, header, rows)


def _groups(found: Mapping[str, Any]) -> str:
    """A table for each kind of group, with a column a group."""
    parts = [html.heading("By group")] if found else []
    for kind, groups in found.items():
        header = ("", *(f"{band(name)}\n{of['n']:,} films" for name, of in groups.items()))
        what = "consensus in months" if kind == "age" else kind
        caption = f"By {what}: reliability, and bias and MAD against the consensus in months. Below: 95 % intervals."
        parts.append(html.table(caption, header, list(_group_rows(groups))))
    return "".join(parts)


def _group_rows(groups: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    reliabilities = [of["reliability"] for of in groups.values()]
    yield ("ICC(A,1)", *(_cell(of["icc"]["ICC(A,1)"], 3) for of in reliabilities))
    yield ("Krippendorff's α", *(_cell(of["alpha"], 3) for of in reliabilities))
    for name in next(iter(groups.values()))["against_consensus"]:
        yield (f"{name}\nbias, MAD", *(_bias_and_mad(of["against_consensus"][name]) for of in groups.values()))


def _bias_and_mad(of: Mapping[str, Any] | None) -> str:
    if not of:
        return "n/a"
    values = f"{number(of['bias']['value'], 1, signed=True)}, {number(of['mad']['value'], 1)}"
    return f"{values}\n{interval(of['bias'], 1, signed=True)}, {interval(of['mad'], 1)}"


def _facts(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "table": found["table"],
        "table, SHA-256": found["table_sha256"],
        "films": f"{found['n']:,}",
        "ratings": ", ".join(f"{name} {n:,}" for name, n in found["ratings"].items()),
        "programs": ", ".join(found["programs"]),
        "intervals": found["interval"],
        "boneage": found["version"],
    }
