"""LMPM: language-guided motion perception and matching."""
