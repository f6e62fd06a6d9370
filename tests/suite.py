#!/usr/bin/python3
"""Runs every unit program (cmocka, fuzz replay) and every system test (pytest) of a build folder, and ends
with one line: N passed, N failed. Arguments after the folder choose pytest tests; then no unit runs."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as tree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENV = {**os.environ, "ASAN_OPTIONS": "detect_stack_use_after_return=1:abort_on_error=1",
       "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", "LANG": "C.UTF-8",
       "PYTHONDONTWRITEBYTECODE": "1"}
UNIT_TIMEOUT_S = 300


def run_unit(test, build):
    """One program: (name, passed, failed, output)."""
    try:
        done = subprocess.run(test["cmd"], env={**ENV, **test.get("env", {})}, cwd=test.get("workdir") or build,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=UNIT_TIMEOUT_S, check=False)
        output, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = (late.stdout or b"").decode(errors="replace") + "\ntimed out", 1
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", output))
    if code == 0 and passed + failed == 0:
        passed = 1  # a replay: the program is one test
    if code != 0 and failed == 0:
        failed = 1
    return test["name"], passed, failed, output


def run_units(build):
    listing = subprocess.run(["meson", "introspect", "--tests", build], stdout=subprocess.PIPE, check=True).stdout
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, good, bad, output in pool.map(lambda t: run_unit(t, build), json.loads(listing)):
            passed, failed = passed + good, failed + bad
            print(f"{'ok  ' if bad == 0 else 'FAIL'} {name}: {good} passed, {bad} failed", flush=True)
            if bad:
                print(output, flush=True)
    return passed, failed


def run_system(build, chosen):
    report = os.path.join(build, "pytest.xml")
    if os.path.exists(report):
        os.unlink(report)
    # Four files at a time: they mostly wait for real time to pass, each on a site and ports of its own.
    command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "4", "--dist", "loadfile",
               f"--junitxml={report}", *(chosen or ["tests/system"])]
    code = subprocess.run(command, cwd=ROOT, env={**ENV, "HOLDFAST_BUILD": build}, check=False).returncode
    if not os.path.exists(report):
        return 0, 1
    suite = tree.parse(report).getroot().find("testsuite")
    total, bad = int(suite.get("tests")), int(suite.get("failures")) + int(suite.get("errors"))
    skipped = int(suite.get("skipped"))
    if skipped:  # everything that a test needs is installed by test.sh: a skip hides something
        bad += skipped
    if code != 0 and bad == 0:
        bad = 1
    return max(total - bad, 0), bad


def main():
    build = os.path.abspath(sys.argv[1])
    units = (0, 0) if sys.argv[2:] else run_units(build)
    system = run_system(build, sys.argv[2:])
    passed, failed = units[0] + system[0], units[1] + system[1]
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
