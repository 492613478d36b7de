"""What the frozen backbone gives for each frame, computed once and cached."""
