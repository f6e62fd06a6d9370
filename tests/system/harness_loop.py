"""Real file systems of our own: ext4 on a loop device. Needs root, as mounting does (or sudo without a password)."""
import os
import shutil
import socket
import subprocess
import tempfile

from harness_camera import BUILD
from harness_disk import STOP_S, SUDO
from harness_wait import until

POWER_PROGRAM = BUILD / "tests/powerdisk/holdfast-powerdisk"
MIB = 1 << 20


def until_unmounted(path):
    """Its last user may be about to go: a process, or a loop device."""
    until(f"{path} is unmounted", lambda: subprocess.run(
        [*SUDO, "umount", path], capture_output=True, check=False).returncode == 0)


def root(*words):
    """Runs that as root; what it printed."""
    done = subprocess.run([*SUDO, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stderr} (these tests mount: they need root)"
    return done.stdout.strip()


class LoopDisk:
    """An ext4 of so many MiB, mounted at `path`."""

    def __init__(self, mib):
        self.folder = tempfile.mkdtemp(prefix="hfl-", dir="/tmp")
        self.path, self._image = os.path.join(self.folder, "disk"), os.path.join(self.folder, "image")
        self.backing, self._loop = self.path, None
        os.mkdir(self.path)
        self._make(mib * MIB)
        root("mkfs.ext4", "-q", "-m", "0", "-E", "root_owner=%d:%d" % (os.geteuid(), os.getegid()), self._image)
        self.mount()

    def _make(self, size):
        with open(self._image, "wb") as f:
            f.truncate(size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._loop:
            self.unmount()
        shutil.rmtree(self.folder)

    def mount(self, image=None):
        """Its own image, or that file."""
        self._loop = root("losetup", "--find", "--show", image or self._image)
        root("mount", self._loop, self.path)

    def move(self, name):
        """From now on it is mounted elsewhere. While it is not mounted."""
        self.path = os.path.join(self.folder, name)
        self.backing = self.path
        os.mkdir(self.path)

    def unmount(self, lazily=False):
        """lazily: as if it was pulled out, whoever uses it."""
        root("umount", *(["-l"] if lazily else []), self.path)
        root("losetup", "-d", self._loop)  # the kernel does so when its last user is gone
        self._loop = None

    def unmount_idle(self):
        """As a person would, once nobody has a file open on it."""
        until_unmounted(self.path)
        root("losetup", "-d", self._loop)
        self._loop = None

    def turn_read_only(self):
        """What ext4 does to itself when its journal cannot be written: each change is EROFS from now on."""
        root("mount", "-o", "remount,abort", self.path)

    def repair(self):
        """While it is not mounted."""
        done = subprocess.run([*SUDO, "e2fsck", "-p", self._image], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stdout


class PowerDisk(LoopDisk):
    """The same on a disk whose power can fail: what was not flushed is lost (tests/powerdisk)."""

    def _make(self, size):
        assert POWER_PROGRAM.exists(), "holdfast-powerdisk was not built: install libfuse3-dev (tests/packages.sh)"
        self._mount, self._control = os.path.join(self.folder, "fuse"), os.path.join(self.folder, "control")
        os.mkdir(self._mount)
        self._image = os.path.join(self._mount, "disk")
        self.process = subprocess.Popen([*SUDO, POWER_PROGRAM, str(size), self._mount, self._control],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line == "mounted\n", f"FUSE cannot mount here: {self.process.stderr.read()}"

    def __exit__(self, *_):
        if self._loop:
            self.unmount()
        until_unmounted(self._mount)
        self.process.stdout.close()
        self.process.stderr.close()
        code = self.process.wait(STOP_S)
        shutil.rmtree(self.folder)
        assert code == 0, f"holdfast-powerdisk ended with {code}"

    def order(self, text):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(STOP_S)
            s.connect(self._control)
            s.sendall(f"{text}\n".encode())
            answer = s.makefile().readline()
        assert answer.startswith("ok "), answer
        return answer.split()[1:]

    def flushes(self):
        return int(self.order("flushes")[0])

    def delay(self, ms):
        self.order(f"delay {ms}")

    def sick(self, what):
        """flush, write, both or none: EIO."""
        self.order(f"sick {what}")

    def cut(self, seed, name):
        """Keeps in a file what a power cut behind one of the next writes leaves. Its path, and how many writes
        were not flushed by then."""
        path = os.path.join(self.folder, name)
        return path, int(self.order(f"cut {seed} {path}")[1])


class RoomDisk:
    """A tmpfs that says it has so many bytes: whatever it is told, as long as nobody fills them."""

    def __init__(self, size):
        self.path = tempfile.mkdtemp(prefix="hfr-", dir="/tmp")
        root("mount", "-t", "tmpfs", "-o", f"size={size},uid={os.geteuid()},gid={os.getegid()},mode=0755", "tmpfs", self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        root("umount", self.path)
        os.rmdir(self.path)

    def resize(self, size):
        root("mount", "-o", f"remount,size={size}", self.path)

    def limit_files(self, count):
        root("mount", "-o", f"remount,nr_inodes={count}", self.path)

    def used(self):
        room = os.statvfs(self.path)
        return (room.f_blocks - room.f_bfree) * room.f_frsize
