"""Measure how alike objects look to the joining of films: the same one later, and others.

Reads made videos with exact masks, such as scripts/make_dataset.py draws, takes two frames of the
beginning and two of the end of each, and forms the looks of every object as
betrayed/objects/identities.py does, of some videos together, as if they were the shots of a film.
"the same" is an object at the end of a video against itself at its beginning. The table has, for
each setting of films.alike, the share of those that pass; of those that pass and to which no other
object is more alike; and the share of others that pass: of the same video, where they are often of
one kind, and of other videos. It is the mean over films of some videos, drawn at random.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

LEVELS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
FILMS = 40  # that are drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", type=Path, required=True, help="with videos, annotations")
    parser.add_argument("--weights", type=Path, required=True, help="the backbone's, safetensors")
    parser.add_argument("--videos", type=int, default=24, help="so many, evenly chosen; default 24")
    parser.add_argument("--together", type=int, nargs="+", default=[3, 8], help="videos in a film")
    parser.add_argument("--size", default="322x560", help="of features; default 322x560")
    arguments = parser.parse_args()
    height, width = map(int, arguments.size.split("x"))

    import torch

    from betrayed.config.features import FeatureSettings
    from betrayed.features.backbone import resize_frames
    from betrayed.features.caching import load_backbone
    from betrayed.io.images import numbered_images, read_image
    from betrayed.io.palette import read_ids

    backbone = load_backbone(FeatureSettings(height=height, width=width), arguments.weights, "cpu")
    grid = backbone.grid(height, width)
    statistics: dict[str, list] = {}  # of each video: sums of tokens, of their products, how many
    found: list[tuple[str, int, int, np.ndarray]] = []  # video, object, begin or end, mean token
    folders = sorted(path for path in (arguments.dataset / "videos").iterdir() if path.is_dir())
    for folder in folders[:: max(1, len(folders) // arguments.videos)][: arguments.videos]:
        images = list(numbered_images(folder).values())
        masks = list(numbered_images(arguments.dataset / "annotations" / folder.name).values())
        own = statistics.setdefault(folder.name, [0.0, 0.0, 0])
        for end, chosen in enumerate(((0, 1), (-2, -1))):
            frames = [read_image(images[index]) for index in chosen]
            with torch.inference_mode():
                tokens = backbone.extract(resize_frames(frames, height, width))[0].numpy()
            flat = tokens.reshape(-1, tokens.shape[2]).astype(float)
            own[0], own[1], own[2] = (
                own[0] + flat.sum(0),
                own[1] + flat.T @ flat,
                own[2] + len(flat),
            )
            shares: dict[int, list] = {}
            for place, index in enumerate(chosen):
                ids = read_ids(masks[index])
                for number in set(np.unique(ids)) - {0, 255}:
                    mask = (ids == number).astype(np.float32)
                    mask = cv2.resize(mask, grid[::-1], interpolation=cv2.INTER_AREA).ravel()
                    shares.setdefault(int(number), []).append((mask @ tokens[place], mask.sum()))
            for number, parts in shares.items():
                covered = sum(one[1] for one in parts)
                if covered >= 1:  # a token: less says nothing
                    mean = sum(one[0] for one in parts) / covered
                    found.append((folder.name, number, end, mean))
    report(found, statistics, arguments.together)


def report(found: list, statistics: dict[str, list], together: list[int]) -> None:
    """Print a table for each number of videos that are taken for a film."""
    generator = np.random.default_rng(0)
    for count in together:
        rows = []
        for _ in range(FILMS):
            chosen = set(generator.choice(sorted(statistics), count, replace=False))
            own = [one for one in found if one[0] in chosen]
            sums = [sum(statistics[name][place] for name in sorted(chosen)) for place in range(3)]
            rows.append(passing(own, *sums))
        rows = np.nanmean(rows, axis=0)
        print(f"\nfilms of {count} videos: share that passes")
        print("alike  the same  and most alike  others of the video  of other videos")
        for level, (same, most, inside, outside) in zip(LEVELS, rows, strict=True):
            print(f"{level:5.2f}  {same:8.2f}  {most:14.2f}  {inside:19.2f}  {outside:15.3f}")


def passing(found: list, total: np.ndarray, squares: np.ndarray, count: int) -> np.ndarray:
    """The table of one film, (levels, 4)."""
    from betrayed.objects.identities import whitening

    mean = total / count
    white = whitening(squares / count - np.outer(mean, mean))
    looks = (np.stack([one[3] for one in found]) - mean) @ white
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    begin = [place for place, one in enumerate(found) if one[2] == 0]
    end = [place for place, one in enumerate(found) if one[2] == 1]
    cosines = looks[end] @ looks[begin].T
    same = np.array([[found[a][:2] == found[b][:2] for b in begin] for a in end])
    apart = np.array([[found[a][0] != found[b][0] for b in begin] for a in end])
    most = same[np.arange(len(end)), cosines.argmax(1)]
    result = []
    for level in LEVELS:
        alike = cosines >= level
        again = ((alike & same).any(1) & most)[same.any(1)]
        inside = alike[~same & ~apart].mean() if (~same & ~apart).any() else np.nan
        result.append([alike[same].mean(), again.mean(), inside, alike[apart].mean()])
    return np.array(result)


if __name__ == "__main__":
    main()
