"""WNet: audio-guided video object segmentation with wavelet-based cross-modal denoising."""
