"""Hardware: one general description, and the families that are data over it."""
