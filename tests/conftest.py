"""What all tests share: reproducible Hypothesis runs, and no skips that nobody expects."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")

EXPECTED_SKIPS = (
    "its lists are constant",  # `empirical` has no parameters by row
    "tested beside their definition",  # functions whose tests stand with their providers
    "needs zsh",  # completion of shells that are not everywhere
    "needs fish",
    "another user cannot read the package here",
)
"""Beginnings of the reasons for which a test may be skipped."""


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    if not os.environ.get("SYNTHDSL_NO_SKIPS"):
        return
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith(EXPECTED_SKIPS):
            terminalreporter.write_line(f"unexpected skip: {report.nodeid}: {reason}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if not os.environ.get("SYNTHDSL_NO_SKIPS") or hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for report in reporter.stats.get("skipped", []) if reporter else []:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith(EXPECTED_SKIPS):
            session.exitstatus = 1
