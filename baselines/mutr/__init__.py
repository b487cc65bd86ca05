"""MUTR: ReferFormer with temporal aggregation before and interaction after its transformer."""
