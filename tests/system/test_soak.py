"""The short form of tests/soak/soak.py: each kind of fault once, in a minute or so."""
import os
import pathlib
import subprocess
import sys

SOAK = pathlib.Path(__file__).resolve().parent.parent / "soak" / "soak.py"
BACK_S = 12  # test_kill.py says how soon recording is back when nothing else goes wrong


def test_every_picture_is_archived_or_in_a_gap_whatever_goes_wrong():
    """Also: fsck finds nothing, the regulator knows all, a kill costs the fragment in flight."""
    done = subprocess.run([sys.executable, SOAK, "--cameras", "4", "--minutes", "0.8", "--seed", "3", "--every", "1.4", "--once",
                           "--back", str(BACK_S)], env=os.environ, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0 and done.stdout.endswith("\nholds\n"), done.stdout[-20000:] + done.stderr
