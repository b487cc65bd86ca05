"""R2-VOS (Li et al., ICCV 2023): the sentence is read back out of the video, and no answer is given if they differ."""
