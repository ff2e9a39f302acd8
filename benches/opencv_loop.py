"""The loop that users write: reads every frame with OpenCV and scales it. No model.

    python benches/opencv_loop.py CLIP      (pip install opencv-python-headless)

Prints the CPU seconds of this process, to be held against `percept bench --clip CLIP`.
"""

import resource
import sys

import cv2

cv2.setNumThreads(1)
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
began = resource.getrusage(resource.RUSAGE_SELF)
frames = 0
while True:
    read, frame = capture.read()
    if not read:
        break
    cv2.resize(frame, (224, 128), interpolation=cv2.INTER_AREA)
    frames += 1
ended = resource.getrusage(resource.RUSAGE_SELF)
seconds = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
print(f"{frames} frames, {seconds:.2f} CPU s")
