"""Cut-outs as PNGs and films: their alpha, read back and shown by a browser."""

import base64

import av
import numpy as np
import pytest
from PIL import Image

from betrayed.exports.cutouts import MARGIN, cut_out, export_films, export_pngs
from support.browsers import browser
from support.masked_videos import SIZE, at, masked_video


def test_a_cut_out_by_hand():
    frame = np.full((5, 5, 3), 7, np.uint8)
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True
    plain, wide = cut_out(frame, mask), cut_out(frame, mask, around=1)
    assert plain[2, 2].tolist() == [7, 7, 7, 255] and plain.sum() == 276
    assert wide[1, 1].tolist() == [7, 7, 7, 0] and wide[0, 0].tolist() == [0, 0, 0, 0]
    assert (wide[..., 3] == plain[..., 3]).all()


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("objects", {"object-01": 1, "object-02": 2}),
        ("parts", {f"part-{n:02d}": n for n in range(1, 5)}),
        ("foreground", {"foreground": 1}),
    ],
)
def test_cut_outs_as_pngs(tmp_path, made, level, names):
    export_pngs(at(made, level), tmp_path / "out", workers=2)
    for one in made:
        own = tmp_path / "out" / one.video.video.name
        assert {path.name for path in own.iterdir()} == set(names)
        for name, number in names.items():
            for index, frame in enumerate(one.frames):
                picture = np.array(Image.open(own / name / f"{index:05d}.png"))
                mask = one.levels[level][index] == number
                np.testing.assert_array_equal(picture[..., 3], mask * 255)
                np.testing.assert_array_equal(picture[..., :3], frame * mask[..., None])


def alpha_film(path):
    """The frames of a film with alpha (T, H, W, 4), and its stream's facts."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        facts = stream.codec_context.name, stream.average_rate, stream.codec_context.profile
        if path.suffix == ".mov":
            frames = list(container.decode(stream))
        else:  # FFmpeg's own decoder of VP9 leaves alpha out
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            frames = [one for packet in container.demux(stream) for one in decoder.decode(packet)]
    return np.stack([frame.to_ndarray(format="rgba") for frame in frames]), facts


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_cut_outs_as_films_keep_alpha(tmp_path, made, suffix):
    export_films(at(made, "objects"), tmp_path / "out", 2, suffix)
    for one in made:
        for number in (1, 2):
            path = tmp_path / "out" / one.video.video.name / f"object-{number:02d}{suffix}"
            film, (codec, rate, profile) = alpha_film(path)
            assert (codec, rate) == ({".mov": "prores", ".webm": "vp9"}[suffix], 12.5)
            mask = one.levels["objects"] == number
            assert film.shape == (*mask.shape, 4)
            if suffix == ".mov":
                assert profile == "4444"
                np.testing.assert_array_equal(film[..., 3], mask * 255)
            else:  # VP9 codes alpha as a picture: edges may be off by a pixel
                wrong = ((film[..., 3] > 127) != mask).mean()
                assert wrong < 0.01


# What a page shows of a film's first picture, as numbers row by row: its alpha.
_SHOWN = """
const [source, done] = arguments;
const video = document.createElement('video');
video.muted = true;
video.onerror = () => done(video.error.message);
video.requestVideoFrameCallback(() => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  done(Array.from(data).filter((_, index) => index % 4 == 3));
});
video.src = source;
video.play();
"""


@pytest.mark.browser
def test_a_browser_shows_alpha(tmp_path, made):
    """Chromium, from a page; alpha of VP9 is a picture, and edges may be off by a pixel."""
    export_films(at(made, "objects"), tmp_path / "out", suffix=".webm")
    film = (tmp_path / "out" / "clip-a" / "object-01.webm").read_bytes()
    source = f"data:video/webm;base64,{base64.b64encode(film).decode()}"
    with browser(tmp_path / "profile") as driver:
        driver.set_script_timeout(30)
        driver.get("data:text/html,<title>film</title>")
        alpha = driver.execute_async_script(_SHOWN, source)
    assert not isinstance(alpha, str), alpha
    alpha = np.array(alpha).reshape(SIZE)
    mask = made[0].levels["objects"][0] == 1
    assert ((alpha > 127) != mask).mean() < 0.01
    assert alpha[mask].mean() > 240 and alpha[~mask].mean() < 10


def test_a_films_colours_stay_at_the_edge_and_are_gone_far_away(tmp_path):
    made = masked_video(tmp_path, "flat", 2)
    for path in made.video.video.frames:
        Image.fromarray(np.full((*SIZE, 3), (200, 90, 40), np.uint8)).save(path)
    export_films([made.video], tmp_path / "out")
    film, _ = alpha_film(tmp_path / "out" / "flat" / "object-01.mov")
    inside = film[..., 3] == 255
    # ProRes of a flat picture loses next to nothing: without the margin the edge would be dark.
    assert np.abs(film[inside][:, :3].astype(int) - (200, 90, 40)).max() <= 4
    assert film[0, :, 24 + MARGIN + 4 :, :3].max() <= 12
