"""LoSh (Yuan et al., CVPR 2024): MTTR trained on an expression and its shortened form together."""
