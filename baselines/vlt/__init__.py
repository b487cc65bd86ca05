"""VLT (Ding et al., ICCV 2021, TPAMI 2023) on every frame, with the MeViSv2 paper's temporal context (+TC)."""
