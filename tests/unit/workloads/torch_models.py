"""Models as a user writes them, each with example inputs, for the tests of both ways in."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        gate = functional.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.expand(functional.silu(self.reduce(gate))))


class ResidualCnn(nn.Module):
    """Residuals, squeeze-excite, depthwise, grouped and dilated convolutions, channel shuffle; norms by group."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.norm = nn.GroupNorm(4, 16)
        self.widen = nn.Conv2d(16, 32, 1)
        self.depthwise = nn.Conv2d(32, 32, 5, padding=2, groups=32)
        self.excite = SqueezeExcite(32)
        self.narrow = nn.Conv2d(32, 16, 1)
        self.grouped = nn.Conv2d(16, 16, 3, padding=2, dilation=2, groups=4)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        x = functional.hardswish(self.norm(self.stem(x)))
        x = x + self.narrow(self.excite(functional.relu6(self.depthwise(self.widen(x)))))
        left, right = self.grouped(x).chunk(2, dim=1)
        x = torch.cat([left, functional.leaky_relu(right, 0.1), x], dim=1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        x = self.pool(x).mean((2, 3))
        return self.head(functional.dropout(x, 0.5, self.training))


class Decoder(nn.Module):
    """Transposed convolutions of all kinds, resizing, borders and pixel shuffle."""

    def __init__(self):
        super().__init__()
        self.even = nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1)
        self.uneven = nn.ConvTranspose2d(8, 8, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.twice = nn.ConvTranspose2d(8, 16, 2, stride=2, groups=2)
        self.same = nn.ConvTranspose2d(16, 8, 3, padding=1)
        self.shuffle = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.PixelShuffle(2))
        self.last = nn.Conv2d(4, 3, 3)

    def forward(self, x):
        x = functional.elu(self.even(x))
        x = functional.interpolate(self.uneven(x), scale_factor=0.5, mode="bilinear")
        x = self.same(self.twice(x))
        return torch.tanh(self.last(functional.pad(self.shuffle(x), (1, 1, 1, 1), mode="reflect")))


class Signal(nn.Module):
    """1-D convolutions and pooling."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv1d(4, 8, 5, stride=2, padding=2), nn.ConvTranspose1d(8, 4, 4, 2, 1)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.second(functional.max_pool1d(functional.gelu(self.first(x)), 2))).amax(-1)


class Block(nn.Module):
    """A transformer block with everything written out: fused projection, split heads, masked softmax, residuals."""

    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width, bias=False)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).split(d, dim=2)
        q, k, v = (part.view(b, t, self.heads, d // self.heads).transpose(1, 2) for part in (q, k, v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(d // self.heads)
        mask = torch.tril(torch.ones(t, t, dtype=torch.bool))
        scores = scores.masked_fill(~mask, float("-inf"))
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class RootMeanSquare(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class GroupedBlock(nn.Module):
    """Grouped-query attention with rotary positions and a cache, gated feed-forward, root mean square norms."""

    def __init__(self, width=32, heads=4, key_heads=2):
        super().__init__()
        self.heads, self.key_heads, self.size = heads, key_heads, width // heads
        self.norm1, self.norm2 = RootMeanSquare(width), RootMeanSquare(width)
        self.q, self.o = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.k = nn.Linear(width, key_heads * self.size, bias=False)
        self.v = nn.Linear(width, key_heads * self.size, bias=False)
        self.gate, self.up = nn.Linear(width, 2 * width, bias=False), nn.Linear(width, 2 * width, bias=False)
        self.down = nn.Linear(2 * width, width, bias=False)

    def rotate(self, x, start):
        frequency = 1.0 / 10000 ** (torch.arange(0, self.size, 2).float() / self.size)
        angle = torch.arange(start, start + x.shape[2]).float()[:, None] * frequency
        angle = torch.cat([angle, angle], -1)
        first, second = x[..., : self.size // 2], x[..., self.size // 2 :]
        return x * angle.cos() + torch.cat([-second, first], -1) * angle.sin()

    def forward(self, x, past_key, past_value):
        b, t, d = x.shape
        h, start = self.norm1(x), 0 if past_key is None else past_key.shape[2]
        q = self.rotate(self.q(h).view(b, t, self.heads, self.size).transpose(1, 2), start)
        k = self.rotate(self.k(h).view(b, t, self.key_heads, self.size).transpose(1, 2), start)
        v = self.v(h).view(b, t, self.key_heads, self.size).transpose(1, 2)
        if past_key is not None:
            k, v = torch.cat([past_key, k], 2), torch.cat([past_value, v], 2)
        group = self.heads // self.key_heads
        wide = (b, self.key_heads, group, k.shape[2], self.size)
        keys, values = (part[:, :, None].expand(wide).reshape(b, self.heads, -1, self.size) for part in (k, v))
        mask = torch.full((t, k.shape[2]), float("-inf")).triu(start + 1)
        y = functional.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
        x = x + self.o(y.transpose(1, 2).reshape(b, t, d))
        h = self.norm2(x)
        return x + self.down(functional.silu(self.gate(h)) * self.up(h)), k, v


class Language(nn.Module):
    """A small language model: tokens, blocks with caches, tied head."""

    def __init__(self, vocabulary=100, width=32, blocks=2):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(GroupedBlock(width) for _ in range(blocks))
        self.norm = RootMeanSquare(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens, *past):
        x, caches = self.embedding(tokens), []
        for number, block in enumerate(self.blocks):
            keys, values = past[2 * number : 2 * number + 2] if past else (None, None)
            x, keys, values = block(x, keys, values)
            caches += [keys, values]
        return self.head(self.norm(x)), *caches


class LearnedPositions(nn.Module):
    """The other kind of language model: learned positions, biases, a head of its own."""

    def __init__(self, vocabulary=60, width=32, longest=64):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(longest, width)
        self.block, self.norm = Block(width), nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens):
        positions = torch.arange(tokens.shape[1]).unsqueeze(0)
        return self.head(self.norm(self.block(self.tokens(tokens) + self.positions(positions))))


class Recommendation(nn.Module):
    """Bags of embeddings beside dense features, and their products."""

    def __init__(self):
        super().__init__()
        self.bags = nn.ModuleList(nn.EmbeddingBag(1000, 16, mode="sum") for _ in range(3))
        self.bottom, self.top = nn.Linear(13, 16), nn.Linear(16 + 16, 1)

    def forward(self, dense, *indices):
        dense = torch.relu(self.bottom(dense))
        rows = torch.stack([dense, *(bag(index) for bag, index in zip(self.bags, indices, strict=True))], 1)
        products = (rows @ rows.transpose(1, 2)).flatten(1)
        return torch.sigmoid(self.top(torch.cat([dense, products], 1)))


def spread(module):
    """Other values for every parameter: exporters store equal arrays once."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module.eval()


def decode_inputs():
    caches = [torch.randn(1, 2, 7, 8) for _ in range(4)]
    return (torch.zeros(1, 1, dtype=torch.long), *caches)


MODELS = {
    "residual cnn": lambda: (spread(ResidualCnn()), (torch.randn(1, 3, 32, 32),)),
    "decoder": lambda: (spread(Decoder()), (torch.randn(1, 8, 6, 5),)),
    "signal": lambda: (spread(Signal()), (torch.randn(2, 4, 33),)),
    "block": lambda: (spread(Block()), (torch.randn(2, 9, 32),)),
    "prefill": lambda: (spread(Language()), (torch.zeros(1, 11, dtype=torch.long),)),
    "decode": lambda: (spread(Language()), decode_inputs()),
    "learned positions": lambda: (spread(LearnedPositions()), (torch.zeros(1, 11, dtype=torch.long),)),
    "recommendation": lambda: (
        spread(Recommendation()),
        (torch.randn(4, 13), *(torch.zeros(4, 5, dtype=torch.long) for _ in range(3))),
    ),
    "torch block": lambda: (
        spread(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")),
        (torch.randn(2, 9, 32),),
    ),
}
