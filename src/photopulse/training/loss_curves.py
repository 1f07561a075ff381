"""Plots the losses of a training over its steps."""

from pathlib import Path

from photopulse.reporting.plotting import new_figure, save_figure, styles, tidy
from photopulse.training.loss_log import read_table


def write_loss_curves(path: Path, table: Path) -> None:
    """Plots the table that ``LossLog`` writes, one panel per loss.

    Raises:
        PhotopulseError: the picture cannot be written.
        OSError: the table cannot be read.
    """
    # Read the steps and the names of the losses.
    (_, _, *names), *lines = read_table(table)
    steps = [int(cells[0]) for cells in lines]
    # Draw one panel per loss.
    figure = new_figure(width=3.2 * len(names), height=2.6)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for place, (name, style) in enumerate(styles(names).items()):
        panel = panels[place]
        mark = style.marker if len(steps) == 1 else ""
        panel.plot(steps, [float(cells[2 + place]) for cells in lines], color=style.colour, linewidth=1.2, marker=mark)
        panel.set(title=name, xlabel="step")
        panel.ticklabel_format(axis="y", useOffset=False)
        tidy(panel, grid="both")
    save_figure(figure, path)
