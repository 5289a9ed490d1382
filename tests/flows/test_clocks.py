"""Does every schedule run once on each of its days, whatever the clocks do?"""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from prefect.server.schemas.schedules import CronSchedule

from tasks.set_up import declared

SCHEDULES = {
    f"{name} {said['slug']}": said for name, each in declared().items() for said in each["schedules"] if "cron" in said
}
FROM, TO = date(2027, 12, 30), date(2029, 1, 3)  # two ends of a year, a leap day, two changes of the clock


def runs(said: dict) -> list[datetime]:
    """As Prefect makes them, in local time."""
    zone = ZoneInfo(said["timezone"])
    start, end = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (FROM, TO))
    schedule = CronSchedule(cron=said["cron"], timezone=said["timezone"])
    found = asyncio.run(schedule.get_dates(n=1000, start=start.astimezone(UTC), end=end.astimezone(UTC)))
    return [each.astimezone(zone) for each in found]


def days(said: dict) -> list[date]:
    """The oracle: its days by a clock that nobody changes."""
    start, end = (datetime(d.year, d.month, d.day) for d in (FROM, TO))
    found = []
    for each in CronSim(said["cron"], start - timedelta(seconds=1)):
        if each >= end:
            return found
        found.append(each.date())
    return found


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_runs_once_on_each_of_its_days(schedule):
    """P23: over two changes of the clock, a leap day and two ends of a year: no day twice, none left out, always at its hour."""
    said = SCHEDULES[schedule]
    found = runs(said)
    assert [each.date() for each in found] == days(said)
    minute, hour = said["cron"].split()[:2]
    assert Counter((each.hour, each.minute) for each in found) == {(int(hour), int(minute)): len(found)}


def test_an_hour_that_a_clock_skips_would_be_noticed():
    """P23: else the test above could not fail."""
    said = {"cron": "30 2 * * *", "timezone": "America/New_York"}
    assert Counter((each.hour, each.minute) for each in runs(said)) != {(2, 30): len(days(said))}
