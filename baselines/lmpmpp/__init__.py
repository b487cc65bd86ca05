"""LMPM++: Language-guided Motion Perception and Matching with a large language model (MeViSv2, section 4)."""
