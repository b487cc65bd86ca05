"""SgMg (Miao et al., ICCV 2023): ReferFormer with filters of the spectrum, and masks refined from patches."""
