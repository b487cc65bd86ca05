"""The two-core stand-in for LMPM++: same losses and language model, small networks, tracks instead of pixels."""
