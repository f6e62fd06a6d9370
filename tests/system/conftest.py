"""Fixtures of the whole-system tests. A failed test's report ends with the logs of each running site and store."""
import pytest

pytest.register_assert_rewrite("harness_site", "harness_footage", "harness_regulator", "harness_http", "harness_mock")

import harness_site  # noqa: E402
import harness_store  # noqa: E402


@pytest.fixture(scope="module")
def store():
    """An object store of the module's own."""
    with harness_store.Store() as s:
        yield s


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):  # pylint: disable=unused-argument
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for site in harness_site.running:
            report.sections.append(("running site", site.log_tail()))
        for running in harness_store.running:
            report.sections.append(("running store", running.log_tail()))
