"""The colours of pages and figures can be read and told apart."""

import numpy as np
import pytest

from betrayed.io.style import (
    GREY,
    LINES,
    PALETTE,
    THEMES,
    colour_table,
    drawing,
    heat_colours,
    legend_columns,
    page_colours,
    save,
    svg_text,
)

#: What eyes see that lack a kind of cones: matrices on linear RGB, of severity 1.0 in Machado,
#: Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
#: deficiency", 2009.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
#: Linear sRGB to XYZ, white at 1, 1, 1 (IEC 61966-2-1).
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / [[0.9505], [1.0], [1.089]]


def seen(colours, sight):
    """CIELAB (N, 3) of #rrggbb as they look to some eyes."""
    shares = np.array([[int(one[i : i + 2], 16) for i in (1, 3, 5)] for one in colours]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ np.transpose(SIGHTS[sight]), 0, 1) @ TO_XYZ.T
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def least_distance(colours, sight):
    lab = seen(colours, sight)
    return min(
        np.linalg.norm(lab[one] - lab[other]) for one in range(len(lab)) for other in range(one)
    )


def luminance(colour):
    """WCAG's relative luminance of #rrggbb."""
    shares = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.03928, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_recommendation():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_text_stands_out_on_every_ground(theme):
    for ground in ("ground", "raised", "warning"):
        assert contrast(theme["ink"], theme[ground]) >= 4.5
    for ground in ("ground", "raised"):
        for text in ("soft", "accent"):
            assert contrast(theme[text], theme[ground]) >= 4.5
        assert contrast(theme["drop"], theme[ground]) >= 3
    assert contrast(theme["on-accent"], theme["accent"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_the_first_lines_stand_out_on_both_pages(theme):
    assert all(contrast(colour, theme["ground"]) >= 3 for colour in LINES[:4])


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_a_line_to_compare_with_stands_out_on_both_pages(theme):
    assert contrast(GREY, theme["ground"]) >= 3


def test_what_the_blind_to_a_colour_see_is_simulated():
    assert seen(["#FF0000"], "normal")[0] == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert seen(["#808080"], "normal")[0] == pytest.approx([53.59, 0, 0], abs=0.05)
    for sight in SIGHTS:  # what is grey stays grey
        assert np.abs(seen(["#808080", "#FFFFFF"], sight)[:, 1:]).max() < 0.1
    # A red and a green of one brightness, which most colour-blind people take for one another.
    red_and_green = ["#C03A2B", "#6B6B00"]
    assert least_distance(red_and_green, "deuteranopia") < 15
    assert least_distance(red_and_green, "normal") > 50


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_of_objects_and_lines_are_told_apart_by_whatever_eyes(sight):
    assert least_distance((*PALETTE, GREY), sight) >= 15
    assert least_distance(LINES, sight) >= 15


@pytest.mark.parametrize("sight", SIGHTS)
def test_heat_grows_brighter_to_whatever_eyes(sight):
    brightness = seen(heat_colours(), sight)[:, 0]
    assert (np.diff(brightness[::8]) > 0).all() and np.ptp(brightness) > 80


def test_both_themes_have_the_same_colours_and_are_in_the_css():
    light, dark = THEMES.values()
    assert list(light) == list(dark)
    css = page_colours()
    before, after = css.split("@media (prefers-color-scheme: dark)")
    assert f"--ink: {light['ink']};" in before and f"--ink: {dark['ink']};" in after


def test_an_id_has_the_colour_of_the_palette():
    table = colour_table()
    assert table[1].tolist() == [0xE6, 0x9F, 0x00] and table[17].tolist() == table[1].tolist()
    assert len({tuple(colour) for colour in table[1:17].tolist()}) == len(PALETTE) == 16
    assert table[255].tolist() == [0x66] * 3


def test_a_figure_on_paper_is_black_on_white(tmp_path):
    with drawing(2, 1) as figure:
        figure.text(0.5, 0.5, "$x$")
        save(figure, tmp_path / "a.svg")
        save(figure, tmp_path / "a.png")
    text = (tmp_path / "a.svg").read_text()
    assert 'fill="#ffffff"' in text and "currentColor" not in text and "$x$" in text
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("names", [["a"], ["a" * 30] * 6, ["short", "of some length", "x" * 24]])
@pytest.mark.parametrize("width", [3.6, 6.4, 10.8])
def test_a_legend_is_no_wider_than_its_figure(names, width):
    with drawing(width, 3) as figure:
        axes = figure.subplots()
        for place, name in enumerate(names):
            axes.plot([0, 1], [place, 1], "o", label=name)
        columns = legend_columns(names, width)
        legend = figure.legend(loc="outside upper center", ncols=columns)
        figure.draw_without_rendering()
        assert legend.get_window_extent().width <= figure.bbox.width
    assert columns >= 1


def test_letters_that_this_machine_lacks_are_left_to_the_reader_s(recwarn):
    with drawing(2, 1) as figure:
        figure.text(0.5, 0.5, "猫")
        assert ">猫<" in svg_text(figure, "cat")
    assert not recwarn.list
