"""The Raspberry Pi's own camera, through picamera2: the Y plane of a YUV420 low-resolution stream, as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from contract.errors import CameraError
from edge.values import Frame, Luma

WAIT_S: Final = 5.0


class PiCamera:
    """Implements `edge.ports.Camera`.

    ``queue=False`` makes libcamera drop frames that nobody took. A request is always waited for with a limit,
    since it can otherwise block for ever when the cable is lost; for the same reason `close` may hang, and the
    process that holds this camera must be one that can be killed.

    Raises: CameraError when picamera2 is missing, the camera is absent or busy, or it stops giving frames.
    """

    def __init__(self, *, fps: float, size_px: tuple[int, int]) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError:
            raise CameraError(
                "The Pi's camera needs picamera2: install python3-picamera2 with apt, and make the venv with "
                "--system-site-packages."
            ) from None
        self._width_px, self._height_px = size_px
        try:
            self._camera: Any = Picamera2()
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": size_px},
                    lores={"size": size_px, "format": "YUV420"},
                    controls={"FrameRate": fps},
                    buffer_count=3,
                    queue=False,
                )
            )
            self._camera.start()
        except (IndexError, RuntimeError, OSError, ValueError) as error:
            raise CameraError(
                f"The Pi's camera cannot be started ({error}): check its ribbon cable, and that nothing else uses it."
            ) from error

    def frames(self) -> Iterator[Frame]:
        index = 0
        while True:
            try:
                request = self._camera.capture_request(wait=WAIT_S)
            except (TimeoutError, RuntimeError) as error:
                raise CameraError("The Pi's camera stopped giving frames: check its ribbon cable.") from error
            try:
                t_s = request.get_metadata()["SensorTimestamp"] / 1e9
                luma = self._y_plane(request.make_array("lores"))
            finally:
                request.release()
            yield Frame(index, t_s, luma)
            index += 1

    def close(self) -> None:
        self._camera.stop()
        self._camera.close()

    def _y_plane(self, yuv: Any) -> Luma:
        """The first rows of a YUV420 array, its padding cut; copied, as the request's memory is reused.

        Shapes: (height * 3 / 2, stride) in, (height, width) out.
        """
        return np.array(yuv[: self._height_px, : self._width_px], np.uint8)
