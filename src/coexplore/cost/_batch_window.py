"""What of a sliding window stays when it moves? For many perfect mappings at once, one per lane.

When a loop advances and all loops inside it restart, the window moves by the loop's step less what the restarts take
back, and keeps its overlap with itself. With `tile` elements and `iterations` of all loops outside a boundary,

    entering = tile * iterations - sum over loops of (iterations outside it) * (its factor - 1) * overlap

A loop of N, G or C inside, or as the loop itself, leaves no overlap.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._batch import (
    ALIVE,
    FETCH,
    KEPT,
    LANES,
    PLANES,
    REACH_X,
    REACH_Y,
    ROWS,
    STEP_P,
    STEP_Q,
    STEP_R,
    STEP_S,
    TILE,
    TIMES,
    WIDE_X,
    WIDE_Y,
    Factors,
    Positions,
    factors,
    ranks,
)
from coexplore.cost._compile import inner
from coexplore.cost._kernels import INPUT
from coexplore.cost.nest import Floats


@inner
def slide(b: int, inner: int, temporal: Factors, order: Positions, level: Floats, block: Floats) -> None:
    """Count the input elements that enter one instance of a level."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    for n in range(inner - 1, -1, -1):
        _advance(b, n, inner, temporal, order, level, block)
    for lane in range(LANES):
        everything = level[inner, TILE + INPUT, lane] * level[inner, TIMES, lane]
        level[inner, FETCH + INPUT, lane] = everything - level[inner, PLANES, lane] * block[KEPT, lane]


@inner
def _if(condition: bool | np.bool_, value: float, otherwise: float) -> float:
    return value if condition else otherwise


@inner
def _overlap(wide: float, shift: float) -> float:
    return max(wide - abs(shift), 0.0)


@inner
def _advance(b: int, n: int, inner: int, temporal: Factors, order: Positions, level: Floats, block: Floats) -> None:
    """Add what stays at a boundary when the loops of a level outside it advance."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    if temporal.shape[2] != 8 or temporal.shape[3] != LANES or order.shape[2] != 8 or order.shape[3] != LANES:
        return
    first = n == inner - 1
    for lane in range(LANES):
        f = factors(temporal, b, temporal.shape[1] - 1 - n, lane)
        fn, fg, fk, fc, fp, fq, fr, fs = f
        at_n, at_g, k, at_c, p, q, r, s = ranks(order, b, order.shape[1] - 1 - n, lane)
        step_p, step_q = level[n, STEP_P, lane], level[n, STEP_Q, lane]
        step_r, step_s = level[n, STEP_R, lane], level[n, STEP_S, lane]
        reach_p, reach_q = (fp - 1.0) * step_p, (fq - 1.0) * step_q
        reach_r, reach_s = (fr - 1.0) * step_r, (fs - 1.0) * step_s
        x, y = _if(first, 0.0, block[REACH_X, lane]), _if(first, 0.0, block[REACH_Y, lane])
        alive, before = _if(first, 1.0, block[ALIVE, lane]), _if(first, 0.0, block[KEPT, lane])
        wide_x, wide_y = level[inner, WIDE_X, lane], level[inner, WIDE_Y, lane]
        planes = max(at_n, max(at_g, at_c))
        kp, kq, kr, ks, pq = k < p, k < q, k < r, k < s, p < q
        pr, ps, qr, qs, rs = p < r, p < s, q < r, q < s, r < s

        kept_k = (fk - 1.0) * _if(kp, 1.0, fp) * _if(kq, 1.0, fq) * _if(kr, 1.0, fr) * _if(ks, 1.0, fs)
        kept_k *= _overlap(wide_x, x + _if(kp, reach_p, 0.0) + _if(kr, reach_r, 0.0))
        kept_k *= _overlap(wide_y, y + _if(kq, reach_q, 0.0) + _if(ks, reach_s, 0.0))

        kept_p = (fp - 1.0) * _if(kp, fk, 1.0) * _if(pq, 1.0, fq) * _if(pr, 1.0, fr) * _if(ps, 1.0, fs)
        kept_p *= _overlap(wide_x, x + _if(pr, reach_r, 0.0) - step_p)
        kept_p *= _overlap(wide_y, y + _if(pq, reach_q, 0.0) + _if(ps, reach_s, 0.0))

        kept_q = (fq - 1.0) * _if(kq, fk, 1.0) * _if(pq, fp, 1.0) * _if(qr, 1.0, fr) * _if(qs, 1.0, fs)
        kept_q *= _overlap(wide_x, x + _if(pq, 0.0, reach_p) + _if(qr, reach_r, 0.0))
        kept_q *= _overlap(wide_y, y + _if(qs, reach_s, 0.0) - step_q)

        kept_r = (fr - 1.0) * _if(kr, fk, 1.0) * _if(pr, fp, 1.0) * _if(qr, fq, 1.0) * _if(rs, 1.0, fs)
        kept_r *= _overlap(wide_x, x + _if(pr, 0.0, reach_p) - step_r)
        kept_r *= _overlap(wide_y, y + _if(qr, 0.0, reach_q) + _if(rs, reach_s, 0.0))

        kept_s = (fs - 1.0) * _if(ks, fk, 1.0) * _if(ps, fp, 1.0) * _if(qs, fq, 1.0) * _if(rs, fr, 1.0)
        kept_s *= _overlap(wide_x, x + _if(ps, 0.0, reach_p) + _if(rs, 0.0, reach_r))
        kept_s *= _overlap(wide_y, y + _if(qs, 0.0, reach_q) - step_s)

        kept = _if(k > planes, kept_k, 0.0) + _if(p > planes, kept_p, 0.0) + _if(q > planes, kept_q, 0.0)
        kept += _if(r > planes, kept_r, 0.0) + _if(s > planes, kept_s, 0.0)
        apart = fn * fg * fc
        block[KEPT, lane] = before * (apart * fk * fp * fq * fr * fs) + alive * apart * kept
        block[ALIVE, lane] = alive if planes == 0 else 0.0
        block[REACH_X, lane] = x + reach_p + reach_r
        block[REACH_Y, lane] = y + reach_q + reach_s
