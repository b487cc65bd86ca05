"""Predicting and scoring; they meet only on disk."""
