"""What the benchmarks share: cameras to record, and a table."""
import collections
import json
import signal
import socket
import subprocess
import time

FPS = 15
CLIP_S = 20
SILENCE_S = 4          # after the last frame: gap_after, and a little


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_clip(path):
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi",
         "-i", f"testsrc2=size=1280x720:rate={FPS},noise=alls=14:allf=t", "-t", str(CLIP_S), "-c:v", "libx264",
         "-preset", "veryfast", "-g", str(2 * FPS), "-keyint_min", str(2 * FPS), "-sc_threshold", "0", "-bf", "0",
         "-b:v", "2M", "-maxrate", "2M", "-bufsize", "2M", "-threads", "1",
         "-x264-params", "repeat-headers=1:slices=1", "-pix_fmt", "yuv420p", str(path)], check=True)


class Source:
    def __init__(self, args, clip):
        self.process = subprocess.Popen([args.build / "tests/bench/bench-source", clip, str(FPS)],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def silence(self):
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(SILENCE_S)

    def stop(self):
        """{path: (frames sent, frames dropped because their recorder was too slow)}"""
        self.process.send_signal(signal.SIGTERM)
        sessions = json.loads(self.process.stdout.read() or "[]")
        self.process.wait()
        total = collections.defaultdict(lambda: (0, 0))
        for path, sent, dropped in sessions:
            total[path] = (total[path][0] + sent, total[path][1] + dropped)
        return total


def print_table(lines):
    """The first line is the head; the first column holds words, the others figures."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  " + "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(line, widths))), flush=True)
