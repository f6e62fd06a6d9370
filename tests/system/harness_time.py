"""Times as the tests count them: whole microseconds of UTC."""
import calendar
import re
import time

SECOND = 1_000_000
_FORM = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z")


def now_us():
    return time.time_ns() // 1000


def parse_us(text):
    """RFC 3339 in UTC, without rounding."""
    whole, fraction = _FORM.fullmatch(text).groups()
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * SECOND + int((fraction or "0").ljust(6, "0"))


def text_of(us):
    seconds, rest = divmod(int(us), SECOND)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:06d}Z"
