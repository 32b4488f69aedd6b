"""The table of ages by region for docs/results.md, from what ``benchmarks/regions.py`` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tables import found, interval, table

from boneage.hand.bone_regions import REGIONS

NAMES = {region.key: region.name for region in REGIONS}
WHAT = {"carpals": "carpals", "wrist": "carpals, radius and ulna"}
APART = {"24": "24 months and more", "12_to_24": "12 to 24 months"}


def regions() -> str:
    """Errors, intervals and false alarms by region, and how exchanged regions are found."""
    got = found("regions")
    if got is None:
        return "*Not measured yet.*"
    columns = ("region", "MAE alone, months", "in the 90 % interval", "cells outside", "not informative", "flagged")
    each = table(columns, _rows(got))
    exchanged = table(
        ("exchanged", "labels apart", "AUROC, all", "AUROC, told", "told", "flagged", "sign right"),
        _exchanged(got["exchanged"]),
    )
    return "\n\n".join([_whole(got), each, exchanged, _again(got["exchanged"]), _rest(got)])


def _whole(got: dict[str, Any]) -> str:
    errors = got["errors"]
    young, old = errors["carpals_young"], errors["carpals_old"]
    return (
        f"All pieces shown, n = {got['n']:,}: MAE {interval(errors['whole'])} months; the network it began with has "
        f"{interval(errors['start'])}, paired {interval(errors['against_start'], sign='+')}. Carpals alone below 120 "
        f"months (girls) and 144 (boys): {interval(young)}, n = {young['n']}; above: {interval(old)}, n = {old['n']}."
    )


def _rows(got: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, name in NAMES.items():
        of, alarms = got["intervals"][key], got["false_alarms"][key]
        cells = {cell: share for cell, share in of["coverage"].items() if cell != "all"}
        outside = sum(not share["low"] <= share["value"] <= share["high"] for share in cells.values())
        yield (
            name,
            interval(got["errors"]["alone"][key]),
            f"{of['coverage']['all']['value']:.1%}",
            f"{outside} of {len(cells)}",
            f"{of['not_informative']['all']:.1%}",
            f"{alarms['value']:.1%} of {alarms['n']:,}",
        )


def _exchanged(found_: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, of in found_.items():
        what, apart = key.split("_", 1)
        yield (
            WHAT[what],
            APART[apart],
            f"{of['auroc']:.3f}",
            f"{of['auroc_told']:.3f}",
            f"{of['told']:,} of {of['n']:,}",
            f"{of['flagged_told']:.0%}",
            f"{of['sign_told']:.0%}",
        )


def _again(found_: dict[str, Any]) -> str:
    told = []
    for key, of in found_.items():
        what, apart = key.split("_", 1)
        again = of["again"]
        areas = f"{again['auroc']:.3f} (SD {again['auroc_sd']:.3f}), told {again['auroc_told']:.3f}"
        told.append(f"{WHAT[what]}, {APART[apart]}: {areas}")
    first = next(iter(found_.values()))
    return f"Mean AUROC of {first['again']['draws']} other draws of {first['n']:,} pairs: {'; '.join(told)}."


def _rest(got: dict[str, Any]) -> str:
    drawn, time = got["synthetic"], got["time"]
    hands = "; ".join(
        f"{WHAT[what]}: sign right in {of['sign_right']:.0%}, flagged in {of['flagged']:.0%}, median shift "
        f"{of['moved']:.0f} months (n = {of['n']})"
        for what, of in drawn.items()
    )
    return (
        f"Some flag on {got['false_alarms']['any']['value']:.1%} of {got['false_alarms']['any']['n']:,} whole films. "
        f"Synthetic hands drawn with two ages 24 months apart, against the same hand drawn with one: {hands}.\n\n"
        f"A warm reading with regions takes {time['ratio']:.2f} times as long as without "
        f"({1000 * time['seconds_without']:.0f} ms, two cores beside other work, median of {time['n']} pairs)."
    )
