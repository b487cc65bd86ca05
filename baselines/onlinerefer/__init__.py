"""OnlineRefer (Wu et al., ICCV 2023): ReferFormer frame by frame, the best query of a frame is the next one's query."""
