"""Reading and preprocessing of frames, sound and ground truth."""
