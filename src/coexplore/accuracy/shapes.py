"""What does a small task of labelling pixels look like? Bright discs, squares and triangles on noise, drawn by seed.

An image has one to three shapes, the later ones before the earlier. Every pixel is labelled background, disc, square or
triangle. Brightness tells a shape from the background, only its outline tells which one it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from coexplore.accuracy.dataset import Images, Labels

CLASSES = 4
"""Background, disc, square, triangle."""
MOST_SHAPES = 3
RADII = (0.12, 0.25)
"""Of the circle around a shape, as shares of the image."""
BRIGHTNESS = (0.6, 1.4)
Grid = npt.NDArray[np.float64]
Places = npt.NDArray[np.bool_]


def draw(count: int, size: int, noise: float, seed: tuple[int, ...]) -> tuple[Images, Labels]:
    """Images (count, 1, size, size), not standardised, and labels (count, size, size).

    Args:
        count: images.
        size: height and width, pixels.
        noise: standard deviation of what is added to every pixel.
        seed: draws all of it; the first images of a longer draw are those of a shorter one.
    """
    x, y = np.empty((count, 1, size, size), np.float32), np.zeros((count, size, size), np.int64)
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    for index in range(count):
        rng = np.random.default_rng((*seed, index))
        image = noise * rng.standard_normal((size, size))
        for _ in range(rng.integers(1, MOST_SHAPES, endpoint=True)):
            label, radius = int(rng.integers(1, CLASSES)), rng.uniform(*RADII)
            middle = rng.uniform(radius, 1 - radius, 2)
            inside = OUTLINES[label]((rows - middle[0]) / radius, (columns - middle[1]) / radius)
            y[index][inside] = label
            image[inside] += rng.uniform(*BRIGHTNESS)
        x[index, 0] = image
    return x, y


def _disc(down: Grid, right: Grid) -> Places:
    inside: Places = down**2 + right**2 <= 1
    return inside


def _square(down: Grid, right: Grid) -> Places:
    inside: Places = np.maximum(abs(down), abs(right)) <= np.sqrt(0.5)
    return inside


def _triangle(down: Grid, right: Grid) -> Places:
    inside: Places = (down <= 0.5) & (abs(right) <= (down + 1) / np.sqrt(3))
    return inside


OUTLINES = {1: _disc, 2: _square, 3: _triangle}
"""By label: which places, in radii from the middle, are inside."""
