"""How right are answers? One number from the table of how often each label got each answer.

Where an image has one label, that is the share of right answers. Where every pixel has one, most pixels may be
background, so it is the mean over the classes of the overlap between what is and what was answered (intersection over
union, as in the PASCAL VOC segmentation challenge).

References:
    Everingham2015: Everingham et al., The PASCAL Visual Object Classes Challenge: A Retrospective, IJCV 2015.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.int64]
"""(classes, classes) How often a label (row) got an answer (column)."""


def share_right(table: Table) -> float:
    """Right answers over all answers, a fraction."""
    return int(np.trace(table)) / int(table.sum())


def mean_overlap(table: Table) -> float:
    """Mean over the classes that occur, as a label or as an answer, of intersection over union; a fraction."""
    both = np.diagonal(table)
    either = table.sum(0) + table.sum(1) - both
    return float(np.mean(both[either > 0] / either[either > 0]))


def measure_of(rank: int) -> Callable[[Table], float]:
    """What measures answers to labels of a rank: 1 for one label an image, 3 for one a pixel."""
    return share_right if rank == 1 else mean_overlap
