"""VideoLLaMA 2 and 2.1: vision encoder, spatial-temporal convolution connector, language model."""
