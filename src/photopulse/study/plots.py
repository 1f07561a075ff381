"""The figures of a study: scores with intervals, answers, raters."""

from pathlib import Path

from photopulse.reporting.estimates import Estimate
from photopulse.reporting.plotting import FAINT, new_figure, save_figure, styles, tidy
from photopulse.study.scores import Scores

_LABELS = {
    "mos": "mean opinion score (1 bad, 5 excellent)",
    "pairs": "Bradley-Terry strength (log-odds)",
    "real": "share taken for the photo",
}
_SHIFT = 0.22  # Between two series, in lines.
_GRADES = ("#b2182b", "#ef8a62", "#d9d9d9", "#67a9cf", "#2166ac")  # Bad to excellent.


def write_plots(folder: Path, scores: Scores) -> None:
    """Writes ``scores.png``, and for a mos study ``answers.png`` and ``raters.png``, into a folder.

    Raises:
        PhotopulseError: if one of them cannot be written.
    """
    _draw_scores(folder / "scores.png", scores)
    if scores.kind == "mos":
        _draw_answers(folder / "answers.png", scores)
        _draw_raters(folder / "raters.png", scores)


def _draw_scores(path: Path, scores: Scores) -> None:
    """Draws a point for each method with its 95 % interval, and of a mos study those of the model and of the paper."""
    figure = new_figure(width=6.4, height=1.2 + 0.36 * len(scores.methods))
    axes = figure.subplots()
    series = {"study": [one.score for one in scores.methods]}
    if scores.kind == "mos":
        series["model of raters"] = [one.model or Estimate() for one in scores.methods]
        series["PULSE's paper"] = [Estimate(value=one.paper) for one in scores.methods]
    # Each series a little lower than the last.
    for number, (label, style) in enumerate(styles(series).items()):
        known = [(place + _SHIFT * number, one) for place, one in enumerate(series[label]) if one.value is not None]
        for height, one in known:
            if one.low is not None and one.high is not None:
                axes.plot([one.low, one.high], [height, height], color=style.colour, linewidth=1.4)
        values, heights = [one.value or 0 for _, one in known], [height for height, _ in known]
        axes.plot(values, heights, style.marker, color=style.colour, markersize=5, label=label)
    # Axes; where nothing but one series is drawn, a line shows what equal methods would have.
    if scores.kind == "mos":
        axes.set_xlim(1, 5)
        figure.legend(ncols=len(series), fontsize=8, frameon=False, loc="outside upper center")
    else:
        axes.axvline(0.5 if scores.kind == "real" else 0, color=FAINT, linewidth=1, linestyle=(0, (4, 2)))
    names = [one.method for one in scores.methods]
    axes.set(yticks=range(len(names)), yticklabels=names, xlabel=_LABELS[scores.kind], ylim=(len(names) - 0.3, -0.5))
    tidy(axes, grid="x")
    save_figure(figure, path)


def _draw_answers(path: Path, scores: Scores) -> None:
    """Draws how often each rating was given to each method."""
    figure = new_figure(width=6.4, height=1.4 + 0.34 * len(scores.methods))
    axes = figure.subplots()
    names = [one.method for one in scores.methods]
    left = [0.0] * len(names)
    for grade, colour in enumerate(_GRADES):
        shares = [one.answers[grade] / sum(one.answers) for one in scores.methods]
        axes.barh(names, shares, left=left, color=colour, label=str(grade + 1))
        left = [before + width for before, width in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set(xlabel="share of ratings", xlim=(0, 1))
    tidy(axes, grid="x")
    figure.legend(ncols=len(_GRADES), fontsize=8, frameon=False, loc="outside upper center")
    save_figure(figure, path)


def _draw_raters(path: Path, scores: Scores) -> None:
    """Draws the bias and the inconsistency of each rater."""
    figure = new_figure(width=4.6, height=3.2)
    axes = figure.subplots()
    look = styles(["counted", "not counted"])
    for label in look:
        known = [
            (one.bias, one.inconsistency)
            for one in scores.raters
            if one.bias is not None and (one.check.reason is None) == (label == "counted")
        ]
        if known:
            style = look[label]
            axes.plot(*zip(*known, strict=True), style.marker, color=style.colour, markersize=5, label=label)
    axes.set(xlabel="bias", ylabel="inconsistency")
    axes.set_ylim(bottom=0)
    tidy(axes, grid="both")
    axes.legend(fontsize=8, frameon=False)
    save_figure(figure, path)
