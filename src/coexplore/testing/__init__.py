"""Contract suites, toys and slow twins: what implementations, ours or yours, are tested with."""
