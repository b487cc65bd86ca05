"""Training loop: devices and processes (Hugging Face Accelerate), loading, checkpoints, curves, dry runs."""
