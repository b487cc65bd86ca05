"""Where predictions are computed: in this process, in others, on a cluster."""
