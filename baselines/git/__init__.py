"""GIT: a generative image-to-text transformer on six frames."""
