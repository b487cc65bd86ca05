"""RMEG without a model: the targets' trajectories put into words."""
