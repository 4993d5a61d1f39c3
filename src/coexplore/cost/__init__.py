"""What it costs: latency, energy and area of a workload on an accelerator, with the mapping that gives them."""
