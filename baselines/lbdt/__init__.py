"""LBDT: words carry appearance to motion and motion to appearance, frame by frame."""
