"""CEN, NarrativeBridge's cause-effect network (Nadeem et al., ICLR 2025): two streams of frame vectors, one decoder."""
