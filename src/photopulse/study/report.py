"""The tables of a study, for readers (Markdown), spreadsheets (CSV) and programs (JSON)."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from photopulse.files import write_text
from photopulse.reporting.cells import to_csv
from photopulse.reporting.estimates import Estimate
from photopulse.reporting.markdown import markdown_table
from photopulse.runs.json_text import json_text
from photopulse.study.plan import Study
from photopulse.study.scores import MethodScore, PairScore, RaterScore, Scores
from photopulse.study.settings import Kind

_VERSION = 1
_SCORE: dict[Kind, str] = {"mos": "MOS", "pairs": "strength", "real": "fool rate"}
_ANSWERS: dict[Kind, Sequence[str]] = {
    "mos": ("1", "2", "3", "4", "5"),
    "pairs": ("lost", "won"),
    "real": ("seen through", "taken for the photo"),
}
_MEANING: dict[Kind, str] = {
    "mos": """**MOS** is the mean opinion score, from 1 (bad) to 5 (excellent), of the raters that are counted.
**Model** is the mean quality of a method's pictures by the model of ITU-T P.910 and P.913, which gives each rater a
bias and an inconsistency; it uses all raters, also careless ones, and weighs them. **Paper** is the MOS in PULSE's
paper, of other people and other faces.""",
    "pairs": """**Strength** is that of the model of Bradley and Terry, as log-odds; 0 is the mean of the methods. A
method with a strength that is larger by 1 is preferred in 73 % of comparisons, by 2 in 88 %.""",
    "real": """**Fool rate** is the share of answers that took the result for the photo. At 50 % nobody can tell.""",
}
_INTERVALS = """Square brackets hold 95 % intervals from resampling both raters and faces: they hold for other people
and other faces."""
_TESTS = """**U** is that of the Mann-Whitney test, as in the paper, and **p** its p-value with Holm's correction for
all pairs. The test takes all answers for independent, which those of one rater or on one picture are not, so that p is
too small: trust the interval of the difference. **Higher** is the share of pairs of answers in which the first method's
is higher."""
_CHECKS = (
    "rater",
    "answers",
    "gold",
    "seconds",
    "equal",
    "correlation",
    "bias",
    "inconsistency",
    "left out because",
)
_SHARES = ("gold", "equal")


def write_report(folder: Path, study: Study, scores: Scores) -> None:
    """Writes ``table.md``, ``table.csv``, ``pairs.csv``, ``raters.csv`` and ``table.json`` into a folder.

    Raises:
        PhotopulseError: if one of them cannot be written.
    """
    write_text(folder / "table.md", to_markdown(study, scores))
    write_raters(folder, scores.raters)
    for name, rows in (("table", scores.methods), ("pairs", scores.pairs)):
        lines = [dict(_flat(asdict(row))) for row in rows]
        write_text(folder / f"{name}.csv", to_csv([lines[0], *(line.values() for line in lines)] if lines else []))
    write_text(folder / "table.json", to_json(study, scores))


def write_raters(folder: Path, raters: Sequence[RaterScore]) -> Path:
    """Writes ``raters.csv``, a line for each rater that tells why one is not counted, and returns its path.

    Raises:
        PhotopulseError: if it cannot be written.
    """
    path = folder / "raters.csv"
    write_text(path, to_csv([_CHECKS, *(_values(one).values() for one in raters)]))
    return path


def to_json(study: Study, scores: Scores) -> str:
    """Returns everything that was found as JSON text."""
    content = {
        "version": _VERSION,
        "photopulse": version("photopulse"),
        "title": study.title,
        "seed": study.seed,
        "size": study.size,
        "counted": scores.counted,
        **asdict(scores),
    }
    return json_text(content, allow_nan=False)


def to_markdown(study: Study, scores: Scores) -> str:
    """Formats what was found as a Markdown page."""
    parts = [f"# {_plain(study.title)}", _found(study, scores), f"{_MEANING[study.kind]}\n{_INTERVALS}"]
    parts.append(_methods(scores))
    if scores.pairs:
        parts += ["## Differences", *([_TESTS] if study.kind == "mos" else []), _pairs(scores)]
    parts += ["## Raters", _agreement(scores), _raters(scores)]
    return "\n\n".join(parts) + "\n"


def _found(study: Study, scores: Scores) -> str:
    size = "different sizes" if study.size is None else "{} x {} px".format(*study.size)
    return (
        f"{len(scores.raters)} raters, of whom {scores.counted} are counted; {scores.finished} gave all answers. "
        f"{len(scores.methods)} methods, pictures of {size}."
    )


def _methods(scores: Scores) -> str:
    percent = scores.kind == "real"
    mos = scores.kind == "mos"
    heads = ["method", _SCORE[scores.kind], *(["model", "paper"] if mos else []), *_ANSWERS[scores.kind]]
    return markdown_table([heads, *(_method(one, mos=mos, percent=percent) for one in scores.methods)])


def _method(one: MethodScore, *, mos: bool, percent: bool) -> list[str]:
    words = [one.method, _estimate(one.score, percent=percent)]
    if mos:
        words += [_estimate(one.model or Estimate()), _number(one.paper)]
    return [*words, *map(str, one.answers)]


def _pairs(scores: Scores) -> str:
    if scores.kind == "pairs":
        heads = ["first", "second", "first preferred"]
        return markdown_table([heads, *(_preferred(pair) for pair in scores.pairs)])
    heads = ["first", "second", "difference", "U", "p (Holm)", "higher"]
    return markdown_table([heads, *(_tested(pair) for pair in scores.pairs)])


def _preferred(pair: PairScore) -> list[str]:
    return [pair.first, pair.second, _estimate(pair.difference, percent=True)]


def _tested(pair: PairScore) -> list[str]:
    words = [pair.first, pair.second, _estimate(pair.difference, sign="+")]
    if pair.test is None:
        return [*words, "-", "-", "-"]
    return [*words, f"{pair.test.u:.0f}", f"{pair.test.p_holm:.2g}", f"{pair.test.superiority:.0%}"]


def _agreement(scores: Scores) -> str:
    within = " within 1" if scores.kind == "mos" else ""
    words = [f"Raters repeat their own answer{within} in {_estimate(scores.self_agreement, percent=True)} of cases"]
    words.append(f"Krippendorff's alpha is {_number(scores.alpha)} (1: they agree with each other, 0: as by chance)")
    words.append(f"an answer took {_number(scores.seconds)} s in the median")
    words += [f"pictures were {name} in {value:.0%} of answers" for name, value in scores.conditions.items() if value]
    return "; ".join(words) + "."


def _raters(scores: Scores) -> str:
    return markdown_table([_CHECKS, *(_rater(one) for one in scores.raters)])


def _values(one: RaterScore) -> dict[str, str | float | None]:
    """Returns what is known of a rater, by the words of the tables."""
    check = one.check
    values = (check.rater, check.answers, check.gold, check.seconds, check.equal, check.correlation)
    return dict(zip(_CHECKS, (*values, one.bias, one.inconsistency, check.reason), strict=True))


def _rater(one: RaterScore) -> list[str]:
    return [_told(name, value) for name, value in _values(one).items()]


def _told(name: str, value: str | float | None) -> str:
    if isinstance(value, float):
        return f"{value:.0%}" if name in _SHARES else _number(value)
    if value is None:
        return "" if name == _CHECKS[-1] else "-"
    return str(value)


def _estimate(estimate: Estimate, *, percent: bool = False, sign: str = "") -> str:
    def word(value: float) -> str:
        return f"{100 * value:{sign}.0f}" if percent else f"{value:{sign}.2f}"

    if estimate.value is None:
        return "-"
    told = word(estimate.value) + (" %" if percent else "")
    if estimate.low is None or estimate.high is None:
        return told
    return f"{told} [{word(estimate.low)}, {word(estimate.high)}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _flat(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Flattens nested dicts and tuples to names such as ``score.low`` and ``answers.1``."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(cast("dict[str, Any]", value), f"{prefix}{name}.")
        elif isinstance(value, tuple):
            numbered = {str(place): one for place, one in enumerate(cast("tuple[object, ...]", value))}
            yield from _flat(numbered, f"{prefix}{name}.")
        else:
            yield prefix + name, value
