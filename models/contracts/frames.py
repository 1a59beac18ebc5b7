"""What a camera frame is.

A frame is an upright RGB picture ``(y, x, rgb)``, uint8 (uint16 for 16-bit sources), taken at a UTC instant.
Camera archives keep it as the camera's own compressed file; see ``tasks.stores.camera_archive``.
"""

TIME_UNITS = "milliseconds since 1970-01-01"
FRAME_DIMS = ("time", "y", "x", "rgb")
