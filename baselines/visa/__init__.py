"""VISA (Yan et al., ECCV 2024): a language model that reads frames and prompts SAM, from a description of it."""
