"""MediaPipe's face detector with the ``fer`` package's quantised model, as its own users chain them. Runs where those
are installed (`bench.rivals.homes`), never beside Attune: ``python mediapipe_fer.py FRAMES.npy MODEL.tflite PASSES``.

Source: MediaPipe 0.10.21, full-range model, score 0.5 and up; fer 25.10.3, grey crops scaled to -1 to 1.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def main(frames_path: str, model_path: str, passes: int) -> None:
    """Prints one line of JSON: seconds of each pass, boxes of each frame, peak memory."""
    import cv2
    import mediapipe
    import numpy as np
    from tflite_runtime.interpreter import Interpreter

    cv2.setNumThreads(1)
    frames = np.load(frames_path, mmap_mode="r")
    mood = Interpreter(model_path, num_threads=1)
    mood.allocate_tensors()
    given, told = mood.get_input_details()[0], mood.get_output_details()[0]
    _, high, wide, _ = given["shape"]

    def one(frame: Any, detector: Any) -> list[list[float]]:
        boxes = []
        for found in detector.process(frame).detections or []:
            box = found.location_data.relative_bounding_box
            x, y = box.xmin * frame.shape[1], box.ymin * frame.shape[0]
            w, h = box.width * frame.shape[1], box.height * frame.shape[0]
            boxes.append([x, y, w, h])
            crop = frame[max(0, int(y)) : int(y + h), max(0, int(x)) : int(x + w)]
            if crop.size:
                grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (wide, high)).astype(np.float32) / 127.5 - 1
                if given["dtype"] != np.float32:
                    scale, zero = given["quantization"]
                    grey = np.clip(np.round(grey / scale + zero), *_range(given["dtype"])).astype(given["dtype"])
                mood.set_tensor(given["index"], grey.reshape(1, high, wide, 1))
                mood.invoke()
                mood.get_tensor(told["index"])
        return boxes

    def _range(kind: Any) -> tuple[int, int]:
        return int(np.iinfo(kind).min), int(np.iinfo(kind).max)

    with mediapipe.solutions.face_detection.FaceDetection(model_selection=1, min_detection_confidence=0.5) as detector:
        for frame in frames[:5]:
            one(np.ascontiguousarray(frame), detector)
        seconds, boxes = [], list[list[list[float]]]()
        for _ in range(passes):
            began_s = time.process_time()
            boxes = [one(np.ascontiguousarray(frame), detector) for frame in frames]
            seconds.append(time.process_time() - began_s)
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak_mb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    print(json.dumps({"seconds": seconds, "boxes": boxes, "peak_mb": peak_mb}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
