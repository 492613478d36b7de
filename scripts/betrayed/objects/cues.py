"""What hints at an object, place by place: motion against the camera, class attention, the border.

Each cue is a map (T, h, w) on a grid of patch tokens, higher where an object is more likely, and
made without ground truth.
"""

import numpy as np

#: Pixels of residual motion (in frames 240 high) below which differences are noise.
_STILL = 0.1
#: Share of a frame's median class attention below which differences are noise.
_UNSEEN = 0.05
#: Share of a frame's places that moves less than what moves most in it.
_MOST = 0.98
#: A frame whose motion cue stays below this has nothing that moves by itself.
_NOTHING_MOVES = 0.5


def motion_cue(residual: np.ndarray) -> np.ndarray:
    """Logarithm of the motion against the camera, over the frame's own median.

    Args:
        residual: (T, h, w), pixels a frame of frames 240 high, see
            :func:`betrayed.objects.motion.read_motion`.
    """
    logs = np.log(residual + _STILL)
    return logs - np.median(logs, axis=(1, 2), keepdims=True)


def local_motion_cue(residual: np.ndarray) -> np.ndarray:
    """The motion cue of each frame over what moves most in it, so that all frames count alike.

    Args:
        residual: (T, h, w), see :func:`motion_cue`.
    """
    cue = motion_cue(residual)
    most = np.quantile(cue, _MOST, axis=(1, 2), keepdims=True)
    return cue / np.maximum(most, _NOTHING_MOVES)


def attention_cue(attention: np.ndarray) -> np.ndarray:
    """Logarithm of what the class token attends to, over the frame's own median.

    Args:
        attention: (T, h, w), see :func:`betrayed.features.whole_video.read_class_attention`.
    """
    median = np.median(attention, axis=(1, 2), keepdims=True)
    return np.log(attention / np.maximum(median, np.finfo(np.float32).tiny) + _UNSEEN)


def border_cue(shape: tuple[int, int, int]) -> np.ndarray:
    """0 on the border of the frame, 1 inside: the background reaches the border, objects rarely."""
    inside = np.zeros(shape, np.float32)
    inside[:, 1:-1, 1:-1] = 1
    return inside
