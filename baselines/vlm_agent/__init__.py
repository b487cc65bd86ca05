"""An agent: a vision-language model names the targets, SAM 3 tracks them, the model judges each one."""
