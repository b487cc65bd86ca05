"""VAST (Chen et al., NeurIPS 2023): a vision transformer's tokens of all frames, and BERT as a caption decoder."""
