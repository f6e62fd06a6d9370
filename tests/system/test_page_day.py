"""The page's day is the site's whole local day, on days of 23 and 25 hours, too; where a person clicks is what is searched."""
import json
import os
import subprocess

import pytest

HERE = os.path.dirname(__file__)
PAGE = os.path.join(HERE, "../../web/page.js")

# zone, now, the day's first instant, its end, clicks in it
DAYS = [
    ("Europe/London", "2026-10-25T12:00:00Z", "2026-10-24T23:00:00.000Z", "2026-10-26T00:00:00.000Z",
     ["2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z", "2026-10-25T23:59:00.000Z"]),
    ("Europe/London", "2027-03-28T12:00:00Z", "2027-03-28T00:00:00.000Z", "2027-03-28T23:00:00.000Z", ["2027-03-28T01:30:00.000Z"]),
    ("America/Santiago", "2026-09-06T15:00:00Z", "2026-09-06T04:00:00.000Z", "2026-09-07T03:00:00.000Z", ["2026-09-06T04:00:00.000Z"]),
    ("America/Santiago", "2026-04-04T15:00:00Z", "2026-04-04T03:00:00.000Z", "2026-04-05T04:00:00.000Z",
     ["2026-04-05T02:30:00.000Z", "2026-04-05T03:30:00.000Z"]),
    ("Asia/Beirut", "2026-03-29T12:00:00Z", "2026-03-28T22:00:00.000Z", "2026-03-29T21:00:00.000Z", ["2026-03-28T22:00:00.000Z"]),
    ("Australia/Lord_Howe", "2026-04-05T03:00:00Z", "2026-04-04T13:00:00.000Z", "2026-04-05T13:30:00.000Z",
     ["2026-04-04T14:45:00.000Z", "2026-04-04T15:15:00.000Z"]),
    ("Asia/Shanghai", "2026-11-24T16:00:00Z", "2026-11-24T16:00:00.000Z", "2026-11-25T16:00:00.000Z", ["2026-11-25T03:15:00.000Z"]),
    ("America/St_Johns", "2026-11-01T12:00:00Z", "2026-11-01T02:30:00.000Z", "2026-11-02T03:30:00.000Z", ["2026-11-01T03:45:00.000Z"]),
]


@pytest.mark.parametrize("zone, now, start, end, clicks", DAYS, ids=[f"{d[0]} {d[1][:10]}" for d in DAYS])
def test_the_pages_day_is_the_whole_local_day(zone, now, start, end, clicks):
    """What it asks for, and what a click on its bar searches."""
    told = subprocess.run(["node", os.path.join(HERE, "page_day.js"), PAGE, zone, now, *clicks], capture_output=True, text=True, check=True)
    day = json.loads(told.stdout)
    assert (day["from"], day["to"]) == (start, end)
    assert day["searched"] == clicks
