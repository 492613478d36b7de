"""What programs compute on, where nothing is said."""

from typing import Literal

#: ``auto``: a GPU where there is one; ``cpu``: never one; ``cuda``: an error where there is none.
Device = Literal["auto", "cpu", "cuda"]
USUAL_DEVICE: Device = "auto"
