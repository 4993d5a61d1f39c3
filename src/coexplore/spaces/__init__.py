"""What may vary, without meaning: decisions, spaces of points, and points as arrays."""
