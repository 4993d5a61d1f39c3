"""Which value comes next, given those before? A recurrent network over the decisions of a space, in plain NumPy.

One LSTM step per active decision: it reads the embedding of the value chosen before and answers with one softmax head
per decision. Inactive decisions are skipped. Axes: `n` points, `d` decisions, `e` embedding, `h` hidden units, `v`
values of all decisions one after the other.

References:
    Zoph2017: B. Zoph, Q. V. Le, Neural architecture search with reinforcement learning, ICLR 2017, arXiv 1611.01578.
    Hochreiter1997: S. Hochreiter, J. Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coexplore.spaces.conditions import INACTIVE, is_active
from coexplore.spaces.space import Space

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Weights = dict[str, Floats]

_SPREAD = 0.1
"""Weights begin uniform in +- this, so that all values begin about equally likely (Zoph2017 uses 0.08)."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What one LSTM step leaves behind for the way back; `n` counts the points whose decision is active."""

    decision: int
    active: Rows
    """(n,) positions in the batch."""
    token: Rows
    """(n,) row of the embedding that was read."""
    gates: tuple[Floats, Floats, Floats, Floats]
    """Input, forget, output and cell candidate, each (n, h)."""
    before: tuple[Floats, Floats]
    """Hidden and cell state before, (n, h)."""
    cell: Floats
    """Cell state after, (n, h)."""
    hidden: Floats
    """Hidden state after, (n, h)."""
    log_chance: Floats
    """(n, values of the decision)."""


class RecurrentPolicy:
    """Chances of the points of a space, with weights to be trained.

    Args:
        space: whose points it draws and judges.
        hidden: units of the LSTM.
        embedding: length of the vector of each value.
        rng: draws the first weights.
    """

    def __init__(self, space: Space, hidden: int, embedding: int, rng: np.random.Generator) -> None:
        self._space, self._hidden = space, hidden
        self._offsets = np.concatenate([[0], np.cumsum(space.sizes, dtype=np.int64)]).astype(np.int64)
        values = int(self._offsets[-1])
        shapes = {
            "embedding": (values + 1, embedding),
            "from_input": (embedding, 4 * hidden),
            "from_hidden": (hidden, 4 * hidden),
            "head": (values, hidden),
        }
        self.weights: Weights = {name: rng.uniform(-_SPREAD, _SPREAD, shape) for name, shape in shapes.items()}
        self.weights["gate_bias"] = np.zeros(4 * hidden)
        self.weights["gate_bias"][hidden : 2 * hidden] = 1.0
        self.weights["head_bias"] = np.zeros(values)

    def draw(self, rng: np.random.Generator) -> list[int]:
        """One row of value indices, -1 where inactive, by the chances of the policy."""
        row: list[int] = []
        state, token = self._start(1), np.zeros(1, dtype=np.int64)
        for position in range(len(self._space.decisions)):
            if not is_active(self._space.links, row, position):
                row.append(INACTIVE)
                continue
            step = self._step(position, np.zeros(1, dtype=np.int64), token, state)
            state = (step.hidden, step.cell)
            ladder = np.cumsum(np.exp(step.log_chance[0]))
            row.append(min(int(np.searchsorted(ladder, rng.random() * ladder[-1], side="right")), len(ladder) - 1))
            token = self._offsets[position : position + 1] + row[-1] + 1
        return row

    def log_chances(self, rows: Rows) -> Floats:
        """Log-probability of each of the (n, d) rows, shape (n,)."""
        total: Floats = self.choice_log_chances(rows).sum(axis=1)
        return total

    def choice_log_chances(self, rows: Rows) -> Floats:
        """(n, d) Log-probability of each choice of (n, d) rows given those before, 0 where inactive."""
        found = np.zeros(rows.shape)
        for step in self._forward(rows):
            chosen = rows[step.active, step.decision]
            found[step.active, step.decision] = step.log_chance[np.arange(len(step.active)), chosen]
        return found

    def entropies(self, rows: Rows) -> Floats:
        """Sum over the active decisions of the entropy of each choice, in nats, given the choices before; (n,)."""
        total = np.zeros(len(rows))
        for step in self._forward(rows):
            total[step.active] -= (np.exp(step.log_chance) * step.log_chance).sum(axis=1)
        return total

    def gradient(self, rows: Rows, pull: Floats, entropy: float) -> Weights:
        """Gradient of `mean(pull * log_chances(rows) + entropy * entropies(rows))` with respect to the weights.

        Args:
            rows: (n, d) value indices, -1 where inactive.
            pull: (n,) how much likelier each row should become, the advantage in REINFORCE; or (n, d), how much
                likelier each choice given those before.
            entropy: weight of the entropy.
        """
        pulls = pull if pull.ndim == 2 else np.repeat(pull[:, None], rows.shape[1], axis=1)
        steps = self._forward(rows)
        slopes = {name: np.zeros_like(weight) for name, weight in self.weights.items()}
        toward_hidden, toward_cell = self._start(len(rows))
        for step in reversed(steps):
            chosen = rows[step.active, step.decision]
            logits = _logit_slope(step.log_chance, chosen, pulls[step.active, step.decision], entropy) / len(rows)
            self._step_back(step, logits, toward_hidden, toward_cell, slopes)
        return slopes

    def _start(self, n: int) -> tuple[Floats, Floats]:
        return np.zeros((n, self._hidden)), np.zeros((n, self._hidden))

    def _forward(self, rows: Rows) -> list[_Step]:
        steps: list[_Step] = []
        hidden, cell = self._start(len(rows))
        token = np.zeros(len(rows), dtype=np.int64)
        for position in range(rows.shape[1]):
            active = np.flatnonzero(rows[:, position] >= 0)
            if not len(active):
                continue
            step = self._step(position, active, token[active], (hidden[active], cell[active]))
            hidden[active], cell[active] = step.hidden, step.cell
            token[active] = self._offsets[position] + rows[active, position] + 1
            steps.append(step)
        return steps

    def _step(self, decision: int, active: Rows, token: Rows, before: tuple[Floats, Floats]) -> _Step:
        """One LSTM step (Hochreiter1997, with forget gate) and the log-softmax of one head."""
        w = self.weights
        hidden, cell = before
        raw = w["embedding"][token] @ w["from_input"] + hidden @ w["from_hidden"] + w["gate_bias"]
        take, keep, show, fresh = np.split(raw, 4, axis=1)
        gates = (_sigmoid(take), _sigmoid(keep), _sigmoid(show), np.tanh(fresh))
        after = gates[1] * cell + gates[0] * gates[3]
        shown = gates[2] * np.tanh(after)
        own = self._own(decision)
        logits = shown @ w["head"][own].T + w["head_bias"][own]
        logits -= logits.max(axis=1, keepdims=True)
        log_chance = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return _Step(decision, active, token, gates, before, after, shown, log_chance)

    def _step_back(
        self, step: _Step, logits: Floats, toward_hidden: Floats, toward_cell: Floats, slopes: Weights
    ) -> None:
        """Add the slopes of one step to `slopes`, and turn the slopes after it into those before it, in place."""
        w, own = self.weights, self._own(step.decision)
        slopes["head"][own] += logits.T @ step.hidden
        slopes["head_bias"][own] += logits.sum(axis=0)
        d_hidden = toward_hidden[step.active] + logits @ w["head"][own]
        take, keep, show, fresh = step.gates
        bent = np.tanh(step.cell)
        d_cell = toward_cell[step.active] + d_hidden * show * (1 - bent**2)
        raw = np.concatenate(
            [
                d_cell * fresh * take * (1 - take),
                d_cell * step.before[1] * keep * (1 - keep),
                d_hidden * bent * show * (1 - show),
                d_cell * take * (1 - fresh**2),
            ],
            axis=1,
        )
        slopes["from_input"] += w["embedding"][step.token].T @ raw
        slopes["from_hidden"] += step.before[0].T @ raw
        slopes["gate_bias"] += raw.sum(axis=0)
        np.add.at(slopes["embedding"], step.token, raw @ w["from_input"].T)
        toward_hidden[step.active] = raw @ w["from_hidden"].T
        toward_cell[step.active] = d_cell * keep

    def _own(self, decision: int) -> slice:
        return slice(int(self._offsets[decision]), int(self._offsets[decision + 1]))


def _logit_slope(log_chance: Floats, chosen: Rows, pull: Floats, entropy: float) -> Floats:
    """Slope of `pull * log p(chosen) + entropy * H(p)` with respect to the logits, (n, values)."""
    chance = np.exp(log_chance)
    slope: Floats = -pull[:, None] * chance
    slope[np.arange(len(chosen)), chosen] += pull
    spread = -(chance * log_chance).sum(axis=1, keepdims=True)
    slope -= entropy * chance * (log_chance + spread)
    return slope


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
