"""One encoder layer of BERT-base (Devlin et al., NAACL 2019, arXiv 1810.04805): hidden 768, 12 heads, inner 3072.

Departures:
    The factor 1/sqrt(64) of the attention scores is part of the query projection. No mask, no dropout.
"""

from __future__ import annotations

from coexplore.core.errors import ConfigError
from coexplore.networks._layers import Ops
from coexplore.networks.network import NETWORK_PRESETS
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Elementwise, Function, LayerNorm, Linear, MatMul, Reshape, Softmax, Transpose

HIDDEN, HEADS, INNER = 768, 12, 3072
TOKENS = "tokens"


@NETWORK_PRESETS.register("bert-base-layer")
def bert_base_layer(tokens: int = 128) -> Workload:
    """Self-attention and feed-forward, each with its residual and layer normalisation, for one sequence.

    Args:
        tokens: length of the sequence; the input is (1, tokens, 768).

    Raises:
        ConfigError: `tokens` is less than 1.
    """
    if tokens < 1:
        raise ConfigError(f"bert-base-layer.tokens is {tokens}; give a length of at least 1")
    ops = (*_attention(tokens), *_feed_forward())
    return Workload("bert-base-layer", ((TOKENS, (1, tokens, HIDDEN)),), ops, ("norm2",))


def _heads(name: str, tokens: int) -> Ops:
    """Projection, seen as (1, heads, tokens, 64)."""
    return (
        Linear(f"{name}_proj", (TOKENS,), HIDDEN),
        Reshape(f"{name}_split", (f"{name}_proj",), (1, tokens, HEADS, HIDDEN // HEADS)),
        Transpose(f"{name}_heads", (f"{name}_split",), (0, 2, 1, 3)),
    )


def _attention(tokens: int) -> Ops:
    return (
        *(*_heads("q", tokens), *_heads("k", tokens), *_heads("v", tokens)),
        MatMul("attn_scores", ("q_heads", "k_heads"), transpose_second=True),
        Softmax("attn_softmax", ("attn_scores",)),
        MatMul("attn_context", ("attn_softmax", "v_heads")),
        Transpose("context_tokens", ("attn_context",), (0, 2, 1, 3)),
        Reshape("context_merge", ("context_tokens",), (1, tokens, HIDDEN)),
        Linear("out_proj", ("context_merge",), HIDDEN),
        Elementwise("add1", ("out_proj", TOKENS), Function.ADD),
        LayerNorm("norm1", ("add1",)),
    )


def _feed_forward() -> Ops:
    return (
        Linear("ffn1", ("norm1",), INNER),
        Elementwise("gelu", ("ffn1",), Function.GELU),
        Linear("ffn2", ("gelu",), HIDDEN),
        Elementwise("add2", ("ffn2", "norm1"), Function.ADD),
        LayerNorm("norm2", ("add2",)),
    )
