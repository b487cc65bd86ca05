"""ReferFormer: language as queries."""
