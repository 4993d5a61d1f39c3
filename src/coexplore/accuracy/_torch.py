"""How is torch imported, and kept from giving other numbers on another day?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from coexplore.core.errors import MissingExtraError


def import_torch(purpose: str) -> ModuleType:
    """Torch, imported when first needed.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(purpose, "train") from error
    module: ModuleType = torch
    return module


@contextmanager
def reproducible(threads: int) -> Iterator[ModuleType]:
    """Torch on a fixed number of threads with deterministic algorithms only; its settings are put back afterwards.

    Sums are split by thread, so the number of threads is part of what makes two runs equal. What torch adds is left
    out: filling fresh memory, for programs that read it before they write, slows training down and changes no result.
    """
    torch = import_torch("training a network")
    threads_before, strict_before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled_before = torch.utils.deterministic.fill_uninitialized_memory
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield torch
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = filled_before
        torch.use_deterministic_algorithms(strict_before)
        torch.set_num_threads(threads_before)
