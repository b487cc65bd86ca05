"""SAM 3 on video: objects of a phrase, detected in every frame and tracked."""
