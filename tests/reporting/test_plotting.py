from PIL import Image

from photopulse.reporting.plotting import new_figure, save_figure, styles


def test_no_two_of_twenty_one_labels_look_alike_as_points_or_as_lines():
    looks = styles(map(str, range(21))).values()
    assert len({(look.colour, look.marker) for look in looks}) == 21
    assert len({(look.colour, look.line) for look in looks}) == 21


def test_a_figure_has_the_size_in_inches_and_leaves_no_other_file(tmp_path):
    save_figure(new_figure(width=2, height=1.5), tmp_path / "figure.png")
    assert Image.open(tmp_path / "figure.png").size == (400, 300)
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]
