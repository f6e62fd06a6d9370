"""Polling with a deadline: the only way in which a test waits."""
import http.client
import time

POLL_S = 0.05


class NotYet(Exception):
    """The server is there but cannot answer this now (503)."""


def until(what, probe, timeout_s=30):
    """The first true value of probe(); an api that is away just now is no value."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            value = probe()
        except (ConnectionError, http.client.HTTPException, NotYet):
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(POLL_S)
