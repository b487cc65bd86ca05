"""Prediction in this process, in other processes and on a cluster."""
