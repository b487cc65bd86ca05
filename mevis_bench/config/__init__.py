"""Strict YAML to typed configuration."""
