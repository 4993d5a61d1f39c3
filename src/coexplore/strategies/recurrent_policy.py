"""Which value comes next, given those before? A recurrent network over the decisions of a space, in plain NumPy.

One LSTM step per active decision: it reads the embedding of the value chosen before and answers with one softmax head
per decision. Inactive decisions are skipped. Axes: `n` points, `d` decisions, `e` embedding, `h` hidden units, `v`
values of all decisions one after the other.

References:
    Zoph2017: B. Zoph, Q. V. Le, Neural architecture search with reinforcement learning, ICLR 2017, arXiv 1611.01578.
    Hochreiter1997: S. Hochreiter, J. Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997.
"""

from __future__ import annotations

from bisect import bisect_right
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
_NEVER = -1e30
"""Logit of a value that a decision does not have."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What judging some rows leaves behind, for the slopes. Axis 0 of the private fields is the decision."""

    rows: Rows
    """(n, d) value indices, -1 where inactive."""
    log_chances: Floats
    """(n, d) of each choice given those before, 0 where inactive."""
    _tokens: Rows
    """(d, n) row of the embedding that was read."""
    _gates: Floats
    """(d, n, 4h) input, forget, output and cell candidate."""
    _before: tuple[Floats, Floats]
    """Hidden and cell state before each step, (d, n, h)."""
    _hidden: Floats
    """(d, n, h) after each step."""
    _bent: Floats
    """(d, n, h) tanh of the cell state after each step."""
    _log_softmax: Floats
    """(d, n, most values of a decision)"""

    @property
    def entropies(self) -> Floats:
        """Sum over the active decisions of the entropy of each choice, in nats, given the choices before; (n,)."""
        own = (np.exp(self._log_softmax) * self._log_softmax).sum(axis=2)
        total: Floats = -np.where(self.rows.T >= 0, own, 0.0).sum(axis=0)
        return total


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
        within = np.arange(max(space.sizes, default=0))
        self._real = within < np.array(space.sizes, np.int64).reshape(-1, 1)
        """(d, most values) which of them each decision has."""
        self._values = np.where(self._real, self._offsets[:-1, None] + within, 0)
        """(d, most values) their places among all values."""
        # A sigmoid is a tanh of half the input, halved and raised, so that one tanh serves all four gates.
        self._scale = np.repeat([0.5, 0.5, 0.5, 1.0], hidden)
        self._raise = np.repeat([0.5, 0.5, 0.5, 0.0], hidden)

    def draw(self, rng: np.random.Generator) -> list[int]:
        """One row of value indices, -1 where inactive, by the chances of the policy."""
        row: list[int] = []
        w, h, token, offsets = self.weights, self._hidden, 0, self._offsets.tolist()
        read, recur = self._halved()
        hidden, cell = np.zeros(h), np.zeros(h)
        for position, link in enumerate(self._space.links):
            if link is not None and not is_active(self._space.links, row, position):
                row.append(INACTIVE)
                continue
            gates = np.tanh(read[token] + hidden @ recur) * self._scale + self._raise
            cell = gates[h : 2 * h] * cell + gates[:h] * gates[3 * h :]
            hidden = gates[2 * h : 3 * h] * np.tanh(cell)
            own = slice(offsets[position], offsets[position + 1])
            logits = w["head"][own] @ hidden + w["head_bias"][own]
            ladder = np.cumsum(np.exp(logits - logits.max())).tolist()
            row.append(min(bisect_right(ladder, rng.random() * ladder[-1]), len(ladder) - 1))
            token = own.start + row[-1] + 1
        return row

    def log_chances(self, rows: Rows) -> Floats:
        """Log-probability of each of the (n, d) rows, shape (n,)."""
        total: Floats = self.choice_log_chances(rows).sum(axis=1)
        return total

    def choice_log_chances(self, rows: Rows) -> Floats:
        """(n, d) Log-probability of each choice of (n, d) rows given those before, 0 where inactive."""
        return self.read(rows).log_chances

    def entropies(self, rows: Rows) -> Floats:
        """Sum over the active decisions of the entropy of each choice, in nats, given the choices before; (n,)."""
        return self.read(rows).entropies

    def gradient(self, rows: Rows, pull: Floats, entropy: float) -> Weights:
        """Gradient of `mean(pull * log_chances(rows) + entropy * entropies(rows))` with respect to the weights.

        Args:
            rows: (n, d) value indices, -1 where inactive.
            pull: (n,) how much likelier each row should become, the advantage in REINFORCE; or (n, d), how much
                likelier each choice given those before.
            entropy: weight of the entropy.
        """
        pulls = pull if pull.ndim == 2 else np.repeat(pull[:, None], rows.shape[1], axis=1)
        return self.gradient_of(self.read(rows), pulls, entropy)

    def read(self, rows: Rows) -> Reading:
        """Judge (n, d) rows of value indices, -1 where inactive: one LSTM step per decision (Hochreiter1997)."""
        (n, d), h = rows.shape, self._hidden
        active = (rows >= 0).T
        rests = np.asarray((~active).any(axis=1))
        tokens = self._tokens(rows)
        read, recur = self._halved()
        gates, bent = read[tokens], np.empty((d, n, h))
        hiddens, cells = np.zeros((d + 1, n, h)), np.zeros((d + 1, n, h))
        for p in range(d):
            gate = gates[p]
            gate += hiddens[p] @ recur
            np.tanh(gate, out=gate)
            gate *= self._scale
            gate += self._raise
            cells[p + 1] = gate[:, h : 2 * h] * cells[p] + gate[:, :h] * gate[:, 3 * h :]
            np.tanh(cells[p + 1], out=bent[p])
            hiddens[p + 1] = gate[:, 2 * h : 3 * h] * bent[p]
            if rests[p]:
                idle = ~active[p]
                cells[p + 1, idle], hiddens[p + 1, idle] = cells[p, idle], hiddens[p, idle]
        log_softmax = self._log_softmax(hiddens[1:])
        chosen = np.take_along_axis(log_softmax, np.maximum(rows.T, 0)[:, :, None], axis=2)[:, :, 0]
        return Reading(
            rows=rows,
            log_chances=np.where(active, chosen, 0.0).T,
            _tokens=tokens,
            _gates=gates,
            _before=(hiddens[:-1], cells[:-1]),
            _hidden=hiddens[1:],
            _bent=bent,
            _log_softmax=log_softmax,
        )

    def gradient_of(self, reading: Reading, pulls: Floats, entropy: float) -> Weights:
        """As `gradient`, of rows that these weights have just judged; `pulls` is (n, d)."""
        w, active = self.weights, (reading.rows >= 0).T
        logits = _logit_slopes(reading, pulls, entropy)
        heads = w["head"][self._values]
        raw = self._step_back(reading, logits @ heads, active)
        head = np.zeros_like(w["head"])
        head[self._values[self._real]] = (logits.swapaxes(1, 2) @ reading._hidden)[self._real]
        head_bias = np.zeros_like(w["head_bias"])
        head_bias[self._values[self._real]] = logits.sum(axis=1)[self._real]
        flat = raw.reshape(-1, raw.shape[-1])
        read = _sums_by(reading._tokens.ravel(), flat, len(w["embedding"]))
        return {
            "embedding": read @ w["from_input"].T,
            "from_input": w["embedding"].T @ read,
            "from_hidden": reading._before[0].reshape(len(flat), -1).T @ flat,
            "head": head,
            "gate_bias": read.sum(axis=0),
            "head_bias": head_bias,
        }

    def _halved(self) -> tuple[Floats, Floats]:
        """What each token and what the hidden state give to the gates, halved where these are sigmoids."""
        w = self.weights
        return (w["embedding"] @ w["from_input"] + w["gate_bias"]) * self._scale, w["from_hidden"] * self._scale

    def _tokens(self, rows: Rows) -> Rows:
        """(d, n) The value chosen last before each decision, 0 where none was, as rows of the embedding."""
        tokens = np.zeros((rows.shape[1], len(rows)), np.int64)
        chosen = np.where(rows >= 0, self._offsets[:-1] + rows + 1, 0)
        tokens[1:] = np.maximum.accumulate(chosen, axis=1).T[:-1]
        return tokens

    def _log_softmax(self, hidden: Floats) -> Floats:
        """(d, n, most values) for hidden states (d, n, h)."""
        heads, bias = self.weights["head"][self._values], self.weights["head_bias"][self._values]
        logits = hidden @ heads.swapaxes(1, 2) + np.where(self._real, bias, _NEVER)[:, None]
        logits -= logits.max(axis=2, keepdims=True, initial=_NEVER)
        logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return logits

    def _step_back(self, reading: Reading, from_heads: Floats, active: npt.NDArray[np.bool_]) -> Floats:
        """(d, n, 4h) Slopes of what the gates were made of, from those of the hidden states that the heads ask for."""
        d, n, h = from_heads.shape
        rests = np.asarray((~active).any(axis=1))
        gates = reading._gates.reshape(d, n, 4, h)
        take, keep, show, fresh = (gates[:, :, i] for i in range(4))
        to_cell = show * (1 - reading._bent**2)
        raw = np.empty((d, n, 4, h))
        raw[:, :, 0] = fresh * take * (1 - take)
        raw[:, :, 1] = reading._before[1] * keep * (1 - keep)
        raw[:, :, 2] = reading._bent * show * (1 - show)
        raw[:, :, 3] = take * (1 - fresh**2)
        back = np.ascontiguousarray(self.weights["from_hidden"].T)
        toward_hidden, toward_cell = np.zeros((n, h)), np.zeros((n, h))
        for p in reversed(range(d)):
            d_hidden = toward_hidden + from_heads[p]
            d_cell = toward_cell + d_hidden * to_cell[p]
            step = raw[p]
            step[:, :2] *= d_cell[:, None]
            step[:, 2] *= d_hidden
            step[:, 3] *= d_cell
            before, cell_before = step.reshape(n, 4 * h) @ back, d_cell * keep[p]
            if rests[p]:
                idle = ~active[p]
                step[idle] = 0.0
                before[idle], cell_before[idle] = toward_hidden[idle], toward_cell[idle]
            toward_hidden, toward_cell = before, cell_before
        return raw.reshape(d, n, 4 * h)


def _logit_slopes(reading: Reading, pulls: Floats, entropy: float) -> Floats:
    """Slope of the mean of `pull * log p(chosen) + entropy * H(p)` with respect to the logits, (d, n, most values)."""
    chance, active = np.exp(reading._log_softmax), (reading.rows >= 0).T[:, :, None]
    pull = pulls.T[:, :, None]
    slope: Floats = -pull * chance
    chosen = np.maximum(reading.rows.T, 0)[:, :, None]
    np.put_along_axis(slope, chosen, np.take_along_axis(slope, chosen, axis=2) + pull, axis=2)
    spread = -(chance * reading._log_softmax).sum(axis=2, keepdims=True)
    slope -= entropy * chance * (reading._log_softmax + spread)
    return np.where(active, slope, 0.0) / max(len(reading.rows), 1)


def _sums_by(places: Rows, rows: Floats, count: int) -> Floats:
    """(count, ...) Sums of the rows that share a place."""
    order = np.argsort(places, kind="stable")
    sorted_places = places[order]
    first = np.flatnonzero(np.diff(sorted_places, prepend=-1))
    sums = np.zeros((count, rows.shape[1]))
    if len(first):
        sums[sorted_places[first]] = np.add.reduceat(rows[order], first, axis=0)
    return sums
