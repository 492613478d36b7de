"""The colours of pages and figures can be read and told apart."""

import numpy as np
import pytest

from betrayed.io.style import (
    LINES,
    PALETTE,
    THEMES,
    colour_table,
    drawing,
    legend_columns,
    page_colours,
    save,
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
    assert table[255].tolist() == [0x99] * 3


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
