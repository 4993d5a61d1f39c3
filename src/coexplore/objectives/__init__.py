"""What is wanted: metrics with units, objectives, constraints, rewards, and Pareto fronts."""
