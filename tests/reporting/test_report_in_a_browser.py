"""The report as a reader has it: in a browser, from the disk, without network."""

from dataclasses import replace

import numpy as np
import pytest

from betrayed.config.report import ReportSettings
from betrayed.io.style import PALETTE
from betrayed.reporting.report.page import write_report
from support.browsers import browser
from support.tiny_results import FRAMES, SIZE, tiny_clusters, tiny_results, tiny_sweep
from support.tiny_scene import BALL, scene

pytestmark = pytest.mark.browser

NAMES = ["b-middle", '<script>document.title="broken"</script>', "c-best"]
PIXELS = """
const shown = arguments[0];
const copy = document.createElement("canvas");
[copy.width, copy.height] = [shown.width, shown.height];
const pen = copy.getContext("2d", { willReadFrequently: true });
pen.drawImage(shown, 0, 0);
return Array.from(pen.getImageData(0, 0, copy.width, copy.height).data);
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    sources, tables = tiny_results(folder, NAMES, runs=("default", "other"))
    clusters = tiny_clusters(folder, sources.results[0].frames)
    runs = [replace(run, clusters=clusters) for run in sources.runs]
    sources = replace(sources, runs=runs, sweep=tiny_sweep(tables))
    write_report(folder / "report.html", sources, tables, folder / "benchmarks", ReportSettings())
    with browser(folder / "profile") as opened:
        opened.page = (folder / "report.html").as_uri()
        yield opened


@pytest.fixture
def page(driver):
    """The report, opened anew; nothing may have complained when the test is over."""
    driver.get_log("browser")
    driver.get(driver.page)
    yield driver
    assert driver.get_log("browser") == []


def one(page, selector):
    return page.find_element("css selector", selector)


def press(page, keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).send_keys(keys).perform()


def keys():
    from selenium.webdriver.common.keys import Keys

    return Keys


def wait(page, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(page, 10, poll_frequency=0.05).until(condition)


def open_player(page, number=0):
    """The section of a video, its player in the focus and drawn."""
    section = one(page, f"#video-{number}")
    page.execute_script("arguments[0].querySelector('.player').focus()", section)
    page.execute_script("arguments[0].scrollIntoView()", section)
    wait(page, lambda _: section.get_attribute("data-drawn"))
    return section


def drawn(page, section, what):
    wait(page, lambda _: section.get_attribute("data-drawn") == what)


def pixels(page, section):
    canvas = section.find_element("css selector", "canvas")
    return np.array(page.execute_script(PIXELS, canvas)).reshape(*SIZE, 4)[..., :3]


def test_it_opens_and_names_stay_text(page):
    assert page.title == "Report: toys"
    names = [found.text for found in page.find_elements("css selector", ".video h3")]
    assert NAMES[1] + " toys" in names
    fetched = page.execute_script(
        "return performance.getEntriesByType('resource').map((one) => one.name)"
    )
    assert [name for name in fetched if not name.startswith("data:")] == []


def test_keys_scrub_through_the_frames(page):
    section = open_player(page)
    before = pixels(page, section)
    press(page, keys().ARROW_RIGHT * 3)
    drawn(page, section, "objects 3 0")
    assert (pixels(page, section) != before).any()
    assert section.find_element("css selector", ".place").text == f"frame 3 / {FRAMES - 1}"
    press(page, keys().ARROW_LEFT)
    drawn(page, section, "objects 2 0")
    press(page, keys().END)
    drawn(page, section, f"objects {FRAMES - 1} 0")
    press(page, keys().ARROW_RIGHT)  # there is no further one
    drawn(page, section, f"objects {FRAMES - 1} 0")
    press(page, keys().HOME)
    drawn(page, section, "objects 0 0")
    assert (pixels(page, section) == before).all()


def test_the_slider_scrubs_a_frame_a_key(page):
    section = open_player(page)
    slider = section.find_element("css selector", ".scrub")
    slider.send_keys(keys().ARROW_RIGHT)
    drawn(page, section, "objects 1 0")
    slider.send_keys(keys().END)
    drawn(page, section, f"objects {FRAMES - 1} 0")


def test_space_plays_and_pauses(page):
    section = open_player(page)
    press(page, " ")
    drawn(page, section, "objects 2 0")
    play = section.find_element("css selector", ".play")
    assert play.get_attribute("aria-label") == "Pause"
    press(page, " ")
    assert play.get_attribute("aria-label") == "Play"
    place = section.find_element("css selector", ".place").text
    page.execute_async_script("setTimeout(arguments[0], 400)")
    assert section.find_element("css selector", ".place").text == place


def test_numbers_flip_the_layers(page):
    section = open_player(page)
    seen, legends = {}, {}
    layers = ["frame", "objects", "parts", "truth", "tracks", "backbone", "block"]
    for number, layer in enumerate(layers, 1):
        press(page, str(number))
        drawn(page, section, f"{layer} 0 0")
        pressed = section.find_elements("css selector", "[aria-pressed=true]")
        assert [button.get_attribute("data-layer") for button in pressed] == [layer]
        seen[layer] = pixels(page, section)
        legends[layer] = section.find_element("css selector", ".legend").text
    assert legends["frame"] == "the frame alone" and len(set(legends.values())) == len(layers)
    for layer in layers[1:]:
        assert (seen[layer] != seen["frame"]).any(), layer


def test_a_layer_colours_what_it_should(page):
    section = open_player(page)
    press(page, "1")
    drawn(page, section, "frame 0 0")
    plain = pixels(page, section)
    press(page, "4")
    drawn(page, section, "truth 0 0")
    covered = pixels(page, section)
    ball = (scene(FRAMES)[0] == BALL).repeat(4, 0).repeat(4, 1)
    inside = np.zeros_like(ball)
    inside[2:-2, 2:-2] = True  # away from the outline, which is white
    for y, x in ((2, 0), (-2, 0), (0, 2), (0, -2)):
        inside &= np.roll(ball, (y, x), (0, 1)) == ball
    # The ball is number 2 of the truth; its number stands at its middle.
    y, x = (round(side.mean()) for side in np.nonzero(ball))
    inside[y - 7 : y + 8, x - 6 : x + 7] = False
    colour = np.array([int(PALETTE[1][i : i + 2], 16) for i in (1, 3, 5)])
    expected = 0.45 * plain[inside & ball] + 0.55 * colour
    assert (inside & ball).sum() > 20
    close = np.abs(covered[inside & ball] - expected).max(axis=1) <= 3
    assert close.mean() > 0.75  # the others lie below the number's rim
    assert (covered[inside & ~ball] == plain[inside & ~ball]).all()
    # What was found there is number 1, but has the colour of the truth that it covers.
    press(page, "2")
    drawn(page, section, "objects 0 0")
    squares = section.find_elements("css selector", ".legend i")
    colours = [square.value_of_css_property("background-color") for square in squares]
    assert f"rgba({colour[0]}, {colour[1]}, {colour[2]}, 1)" in colours


def test_heat_is_hottest_on_the_ball(page):
    section = open_player(page)
    for key, layer in (("6", "backbone"), ("7", "block")):
        press(page, key)
        drawn(page, section, f"{layer} 0 0")
        light = pixels(page, section).sum(axis=2)
        ball = (scene(FRAMES)[0] == BALL).repeat(4, 0).repeat(4, 1)
        assert light[ball].mean() > 1.5 * light[~ball].mean(), layer


def test_another_run_is_shown_and_curves_lead_to_frames(page):
    section = open_player(page)
    section.find_element("css selector", ".run").send_keys("other")
    drawn(page, section, "objects 0 1")
    curves = section.find_element("css selector", ".curves")
    # The foreground and the object; the foreground falls by an eighth a frame.
    assert len(curves.find_elements("css selector", "polyline:not(.edge)")) == 2
    assert len(curves.find_elements("css selector", "polyline.edge")) == 1  # of the object
    assert len(curves.find_elements("css selector", ".drop")) == 2
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).move_to_element(curves).click().perform()
    wait(page, lambda _: section.get_attribute("data-drawn") in ("objects 2 1", "objects 3 1"))


def test_letters_go_to_the_next_video(page):
    open_player(page, 0)
    press(page, "n")
    second = one(page, "#video-1")
    wait(page, lambda _: second.get_attribute("data-drawn"))
    press(page, keys().ARROW_RIGHT)
    drawn(page, second, "objects 1 0")
    press(page, "p")
    press(page, keys().ARROW_RIGHT)
    drawn(page, one(page, "#video-0"), "objects 1 0")
    assert second.get_attribute("data-drawn") == "objects 1 0"


def test_lines_say_whose_they_are(page):
    section = open_player(page)
    marks = [one.text for one in section.find_elements("css selector", ".key span")]
    assert marks == ["foreground", "object 2", "over 0.15 below its median"]
    ticks = [one.text for one in section.find_elements("css selector", ".curves text")]
    assert ticks == ["0", "0.5", "1", "0", "frame", str(FRAMES - 1)]


def test_what_lies_under_the_pointer_follows_the_picture(page):
    from selenium.webdriver.common.action_chains import ActionChains

    section = open_player(page)
    press(page, "5")
    drawn(page, section, "tracks 0 0")
    canvas = section.find_element("css selector", "canvas")
    ActionChains(page).move_to_element(canvas).perform()
    under = section.find_element("css selector", ".under")
    track = under.text
    assert track.startswith("track ")
    press(page, "1")
    drawn(page, section, "frame 0 0")
    assert under.get_property("value") == ""
    press(page, "5")
    drawn(page, section, "tracks 0 0")
    assert under.text == track


def test_of_one_frame_there_are_points_in_place_of_lines(driver, tmp_path):
    name = "of_one_frame" + "x" * 150
    sources, tables = tiny_results(tmp_path, [name], count=1)
    write_report(tmp_path / "one.html", sources, tables, tmp_path / "none", ReportSettings())
    driver.get((tmp_path / "one.html").as_uri())
    section = open_player(driver)
    assert one(driver, ".facts").text == "1 frame, 80×48, 12.5 frames a second"
    ticks = [one.text for one in section.find_elements("css selector", ".curves text")]
    assert ticks == ["0", "0.5", "1", "0", "frame"]
    points = section.find_elements("css selector", ".curves circle:not(.edge)")
    assert len(points) == 2 and all(point.size["width"] >= 4 for point in points)
    # A long name is broken wherever it stands.
    page = one(driver, "html")
    assert page.get_property("scrollWidth") <= page.get_property("clientWidth")


def test_no_player_is_empty_in_print(page):
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    for section in page.find_elements("css selector", ".video"):
        poster = section.find_element("css selector", ".picture img")
        assert poster.get_property("naturalWidth") == SIZE[1]
        assert section.find_elements("css selector", ".curves polyline")
    assert page.find_elements("css selector", "img[loading]") == []  # they would move what is below


def test_a_low_window_shows_pictures_whole_and_undistorted(page):
    metrics = {"width": 1280, "height": 300, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        size = open_player(page).find_element("css selector", "canvas").size
        assert size["height"] <= 0.75 * 300 + 1
        assert size["width"] / size["height"] == pytest.approx(SIZE[1] / SIZE[0], rel=0.02)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def column(page, title):
    """The texts of a column of the table of videos, rows that are hidden left out."""
    heads = [
        head.text.rstrip(" ↕↑↓") for head in page.find_elements("css selector", "#rows-videos th")
    ]
    place = heads.index(title)
    rows = page.find_elements("css selector", "#rows-videos tbody tr")
    return [
        row.find_elements("css selector", "td")[place].text for row in rows if row.is_displayed()
    ]


def head(page, title):
    heads = page.find_elements("css selector", "#rows-videos th")
    return next(one for one in heads if one.text.rstrip(" ↕↑↓") == title)


def test_tables_sort_both_ways_by_number_and_by_text(page):
    for title, key in (("J, foreground", float), ("video", str)):
        button = head(page, title).find_element("css selector", "button")
        button.send_keys(keys().ENTER)
        values = column(page, title)
        assert len(values) == 6 and values == sorted(values, key=key)
        assert head(page, title).get_attribute("aria-sort") == "ascending"
        button.click()
        assert column(page, title) == sorted(values, key=key, reverse=True)
        assert head(page, title).get_attribute("aria-sort") == "descending"
    assert head(page, "J, foreground").get_attribute("aria-sort") is None
    assert head(page, "picture").find_elements("css selector", "button") == []


def test_tables_filter_by_all_words(page):
    field = one(page, "#table-videos .filter")
    field.send_keys("OTHER best")
    assert column(page, "video") == ["c-best"] and column(page, "run") == ["other"]
    assert one(page, "#table-videos .count").text == "1 of 6 rows"
    field.send_keys(" 2")  # typed into the field, not pressed on a player
    field.send_keys(keys().BACKSPACE * 20)
    assert len(column(page, "video")) == 6
    assert one(page, "#table-videos .count").text == "6 rows"


def test_pictures_inside_figures_are_seen(page):
    """The policy lets them in: their pixels are there, and they are as wide as they are drawn."""
    script = """
    const done = arguments[arguments.length - 1];
    const uris = [...document.querySelectorAll("#training image")].map(
      (one) => one.href.baseVal || one.getAttributeNS("http://www.w3.org/1999/xlink", "href"));
    Promise.all(uris.map(async (uri) => {
      const picture = new Image();
      picture.src = uri;
      await picture.decode();
      return picture.naturalWidth;
    })).then(done, () => done([]));
    """
    widths = page.execute_async_script(script)
    assert len(widths) == 2 * (1 + 3) and min(widths) > 40
    boxes = page.find_elements("css selector", "#training image")
    page.execute_script("document.querySelector('#training').scrollIntoView()")
    assert all(box.size["width"] > 40 and box.size["height"] > 20 for box in boxes)


def test_no_lettering_of_a_figure_lies_over_another(page):
    """Of the figures that are drawn afresh: rows, steps and the values of the sweep."""
    script = """
    return [...document.querySelectorAll(arguments[0] + " svg")].map((svg) =>
      [...svg.querySelectorAll("text")].map((one) => {
        const box = one.getBoundingClientRect();
        return [box.left, box.top, box.right, box.bottom, one.textContent];
      }));
    """
    for section in ("#results", "#training", "#sweep"):
        for boxes in page.execute_script(script, section):
            for place, (left, top, right, bottom, text) in enumerate(boxes):
                for other in boxes[place + 1 :]:
                    wide = min(right, other[2]) - max(left, other[0])
                    high = min(bottom, other[3]) - max(top, other[1])
                    assert wide < 2 or high < 3, (section, text, other[4])


def test_the_table_of_a_sweep_sorts_by_number(page):
    heads = page.find_elements("css selector", "#rows-sweep th button")
    next(one for one in heads if one.text == "clustering.tau").click()
    heads = [
        one.text.rstrip(" ↕↑↓") for one in page.find_elements("css selector", "#rows-sweep th")
    ]
    place = heads.index("clustering.tau")
    rows = page.find_elements("css selector", "#rows-sweep tbody tr")
    values = [row.find_elements("css selector", "td")[place].text for row in rows]
    assert values == ["0.02", "0.1"]


def luminance(colour):
    """WCAG's relative luminance of a CSS colour."""
    numbers = colour[colour.index("(") + 1 : -1].replace(",", " ").split()
    shares = np.array([float(one) for one in numbers[:3]]) / 255
    linear = np.where(shares <= 0.03928, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(page, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    ground = luminance(one(page, "body").value_of_css_property("background-color"))
    assert (ground > 0.5) == (scheme == "light")
    for selector in (
        "body",
        ".note",
        "nav a",
        "summary",
        "figcaption",
        ".drawing text",
        "#sweep text",
    ):
        found = one(page, selector)
        kind = "fill" if selector.endswith("text") else "color"
        lights = sorted([ground, luminance(found.value_of_css_property(kind))])
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, selector


def test_nothing_is_wider_than_the_screen_of_a_telephone(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        open_player(page)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_long_name_leaves_the_figures_in_sight(driver, tmp_path):
    """Names that phones give are no reason to scroll, and short ones stay on one line."""
    long = (
        "portrait of a film that somebody's phone named 2024-05-01T12-00-00+02-00 copy (2)_"
        + "x" * 60
    )
    runs = ("default", "a-run-whose-name-says-all-of-its-settings,seed=1")
    sources, tables = tiny_results(tmp_path, [long, "short-name-of-two"], runs)
    write_report(tmp_path / "long.html", sources, tables, tmp_path / "none", ReportSettings())
    driver.get((tmp_path / "long.html").as_uri())
    wide, seen, *lines = driver.execute_script(
        """
        const table = document.querySelector("#table-videos .scroll");
        const links = [...table.querySelectorAll("tbody a")];
        const names = links.filter((one) => one.textContent.trim());
        const lines = names.map((one) => one.getClientRects().length);
        return [table.scrollWidth, table.clientWidth, ...lines];
        """
    )
    assert wide <= seen
    assert lines[0] > 1
    assert lines[-1] == 1
    # A player's choice of runs stays in its panel, and figures have letters of about one size.
    panel, choice = driver.execute_script(
        """
        const choice = document.querySelector(".player select.run");
        const panel = choice.closest(".options");
        return [panel, choice].map((one) => one.getBoundingClientRect().right);
        """
    )
    assert choice <= panel
    scales = driver.execute_script(
        """
        const drawings = [...document.querySelectorAll(".figures svg")];
        return drawings.map((one) => one.getScreenCTM().a);
        """
    )
    assert len(scales) >= 2
    assert max(scales) < 1.2 * min(scales)
