"""SOC (Luo et al., NeurIPS 2023): queries of all frames are gathered into objects, started from the sentence."""
