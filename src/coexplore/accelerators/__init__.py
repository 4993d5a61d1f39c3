"""Hardware: one general description, and the families that are data over it. Importing it registers the families."""

from coexplore.accelerators import edge_array

__all__ = ["edge_array"]
