"""Rows as tables in Markdown: means with 95 % bootstrap intervals, and differences photo by photo."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from photopulse.degrade import LEVELS
from photopulse.reporting.estimates import Estimate, estimate, share

from .measures import REGIONS
from .rows import SHARP, Row

By = dict[str, dict[str, Row]]  # Rows of one level by method and photo.
TITLES = {"face": "inside the face box", "whole": "the whole picture"}
OURS = "photopulse"


class Column(NamedTuple):
    """A measure: its name in the rows, its heading, its digits."""

    name: str
    heading: str
    digits: int


def columns(region: str) -> list[Column]:
    shared = [
        Column(f"{region} psnr", "PSNR ↑", 2),
        Column(f"{region} ssim", "SSIM ↑", 3),
        Column(f"{region} perceptual", "perceptual ↓", 3),
        Column(f"{region} niqe", "NIQE ↓", 2),
    ]
    person = [Column("identity", "identity ↑", 4), Column("identity distance", "identity distance ↓", 3)]
    return shared + person if region == "face" else shared


def by_level(rows: Iterable[Row], methods: Sequence[str] | None) -> dict[str, By]:
    """Sorts rows by level, method and photo, of these methods only, in their order."""
    levels: dict[str, By] = {}
    known = list(rows)
    names = list(methods) if methods else sorted({row.method for row in known} - {SHARP})
    for level in LEVELS:
        by: By = {name: {row.photo: row for row in known if (row.level, row.method) == (level, name)} for name in names}
        by = {name: found for name, found in by.items() if found}
        if by:
            by[SHARP] = {row.photo: row for row in known if (row.level, row.method) == (level, SHARP)}
            levels[level] = by
    return levels


def to_markdown(rows: Iterable[Row], methods: Sequence[str] | None) -> str:
    """Words a section a level: over all photos of each method, over those that all share, and differences."""
    sections: list[str] = []
    for level, by in by_level(rows, methods).items():
        sections += [f"## {level}", *tables(by)]
        shared = set.intersection(*(set(found) for found in by.values()))
        if shared and any(len(found) != len(shared) for found in by.values()):
            same = {name: {photo: found[photo] for photo in shared} for name, found in by.items()}
            sections += [f"### Over the {len(shared)} photos that all share", *tables(same)]
        if OURS in by and len(by) > 2:
            sections += ["### photopulse less each, photo by photo", differences(by)]
    return "\n\n".join(sections)


def tables(by: By) -> list[str]:
    return [part for region in REGIONS for part in (f"**{TITLES[region]}**", table(by, region))]


def table(by: By, region: str) -> str:
    measures = columns(region)
    last = "face not found" if region == "face" else "seconds, median"
    lines = [["method", "photos", *(measure.heading for measure in measures), last]]
    for name, found in by.items():
        cells = [text(over(found.values(), measure.name), measure.digits) for measure in measures]
        end = missed(found.values()) if region == "face" else median_seconds(found.values())
        lines.append([name, str(len(found)), *cells, end])
    return grid(lines)


def over(rows: Iterable[Row], name: str) -> Estimate:
    return estimate((float(v) for row in rows if (v := row.values.get(name)) is not None), np.mean)


def missed(rows: Iterable[Row]) -> str:
    told = [not row.values["face found"] for row in rows]
    return f"{sum(told)} ({share(told).value:.0%})" if told else "-"


def median_seconds(rows: Iterable[Row]) -> str:
    known = [row.seconds for row in rows if row.seconds is not None]
    return f"{np.median(known):.3g}" if known else "-"


def differences(by: By) -> str:
    """Means over shared photos of ours less theirs, with intervals: one that leaves out zero is no chance."""
    measures = [
        Column("face perceptual", "perceptual, face ↓", 3),
        Column("whole perceptual", "perceptual, whole ↓", 3),
        Column("identity", "identity ↑", 4),
        Column("face psnr", "PSNR, face ↑", 2),
        Column("whole psnr", "PSNR, whole ↑", 2),
    ]
    lines = [["photopulse less", "photos", *(measure.heading for measure in measures)]]
    for name, theirs in by.items():
        if name not in (OURS, SHARP):
            pairs = [(by[OURS][photo], row) for photo, row in theirs.items() if photo in by[OURS]]
            cells = [text(difference(pairs, measure.name), measure.digits, sign="+") for measure in measures]
            lines.append([name, str(len(pairs)), *cells])
    return grid(lines)


def difference(pairs: Iterable[tuple[Row, Row]], name: str) -> Estimate:
    known = [(ours.values.get(name), theirs.values.get(name)) for ours, theirs in pairs]
    return estimate((float(a) - float(b) for a, b in known if a is not None and b is not None), np.mean)


def guided_table(rows: Iterable[Row]) -> str:
    """Cleaning at full size against cleaning at half the size and the guided filter's way back."""
    lines = [["level", "photos", "bicubic PSNR", "full size", "half size", "gain kept", "s, full", "s, half", "time"]]
    for level, by in by_level(rows, ("bicubic", "photo-full", "photo-half")).items():
        shared = sorted(set.intersection(*(set(found) for found in by.values()))) if len(by) == 4 else []
        if shared:
            lines.append([level, str(len(shared)), *guided_cells(by, shared)])
    if len(lines) == 1:
        raise SystemExit("this table needs the methods bicubic, photo-full and photo-half: run them first")
    return grid(lines)


def guided_cells(by: By, photos: Sequence[str]) -> list[str]:
    def mean(name: str, read: Callable[[Row], float]) -> float:
        return float(np.mean([read(by[name][photo]) for photo in photos]))

    def whole_psnr(row: Row) -> float:
        return float(row.values["whole psnr"] or math.nan)

    def cleaning(row: Row) -> float:
        return row.stages.get("photo", 0.0) + row.stages.get("full_size", 0.0)

    before, full, half = (mean(name, whole_psnr) for name in ("bicubic", "photo-full", "photo-half"))
    slow, fast = (mean(name, cleaning) for name in ("photo-full", "photo-half"))
    kept = f"{(half - before) / (full - before):.1%}" if full > before else "no gain"
    return [f"{before:.2f}", f"{full:.2f}", f"{half:.2f}", kept, f"{slow:.2f}", f"{fast:.2f}", f"{fast / slow:.0%}"]


def text(value: Estimate, digits: int, sign: str = "") -> str:
    if value.value is None:
        return "-"
    mean = f"{value.value:{sign}.{digits}f}"
    if value.low is None or value.high is None:
        return mean
    return f"{mean} ({value.low:{sign}.{digits}f} to {value.high:{sign}.{digits}f})"


def grid(lines: Sequence[Sequence[str]]) -> str:
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, "|" + " --- |" * len(lines[0]), *body])
