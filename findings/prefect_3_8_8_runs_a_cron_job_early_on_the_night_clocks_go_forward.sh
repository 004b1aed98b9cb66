#!/usr/bin/env bash
# Prefect 3.8.8 on Python below 3.13: a cron time that the clocks skip comes an hour early, even before its own start.
#
# What surprises: Berlin's clocks go from 02:00 to 03:00 on 2027-03-28. For `0 2 * * *` in Europe/Berlin that day
#   CronSchedule gives 01:00+01:00, an hour before the moment at which it would have been two. Debian's cron runs such a
#   job once the hour has been skipped, at 03:00+02:00 (CronSim, which Prefect brings along, does the same); other crons
#   leave it out that day. `get_dates` promises dates on or after `start`, and yet gives 00:00 UTC when asked from 00:45
#   UTC. On Python 3.13 the same version of Prefect reckons with other packages, and gives 03:00+02:00 both times. The
#   night in autumn is right on both.
# Whom it hurts: schedules by local time within the hour that clocks skip (from two to three in Central Europe and most
#   of North America), a usual hour for nightly work. Once a year the run is due an hour early, before what it waits for
#   is there.
# What to do instead: run the server, which makes the dates, on Python 3.13; or choose an hour that is never skipped, or
#   UTC.
#
# Prints the dates that python3, and python3.13 if there is one, get from the same schedule. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/dates.py" <<'PYTHON'
import asyncio
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import prefect
from cronsim import CronSim
from prefect.server.schemas.schedules import CronSchedule

NIGHTLY = "0 2 * * *"
STARTS = (
    datetime(2027, 3, 27, 12, tzinfo=UTC),  # the noon before
    datetime(2027, 3, 28, 0, 45, tzinfo=UTC),  # 01:45 in Berlin, a quarter of an hour before the clocks go forward
    datetime(2027, 10, 30, 12, tzinfo=UTC),  # the noon before they go back
)

python = f"{sys.version_info.major}.{sys.version_info.minor}"
print(f"Prefect {prefect.__version__}, Python {python}", file=sys.stderr)
schedule = CronSchedule(cron=NIGHTLY, timezone="Europe/Berlin")
for start in STARTS:
    first, second = asyncio.run(schedule.get_dates(2, start))
    before = ", before start" if first < start else ""
    print(f"CronSchedule from {start:%m-%d %H:%M} UTC: {first}{before}; then {second}")
    nights = CronSim(NIGHTLY, start.astimezone(ZoneInfo("Europe/Berlin")))
    print(f"CronSim      from {start:%m-%d %H:%M} UTC: {next(nights)}; then {next(nights)}")
PYTHON
cat > "$folder/below 3.13" <<'SEEN'
CronSchedule from 03-27 12:00 UTC: 2027-03-28 01:00:00+01:00; then 2027-03-29 02:00:00+02:00
CronSim      from 03-27 12:00 UTC: 2027-03-28 03:00:00+02:00; then 2027-03-29 02:00:00+02:00
CronSchedule from 03-28 00:45 UTC: 2027-03-28 01:00:00+01:00, before start; then 2027-03-29 02:00:00+02:00
CronSim      from 03-28 00:45 UTC: 2027-03-28 03:00:00+02:00; then 2027-03-29 02:00:00+02:00
CronSchedule from 10-30 12:00 UTC: 2027-10-31 02:00:00+02:00; then 2027-11-01 02:00:00+01:00
CronSim      from 10-30 12:00 UTC: 2027-10-31 02:00:00+02:00; then 2027-11-01 02:00:00+01:00
SEEN
sed 's/28 01:00:00+01:00\(, before start\)\?/28 03:00:00+02:00/' "$folder/below 3.13" > "$folder/from 3.13"
export PREFECT_HOME="$folder/home"
for python in python3 python3.13; do
    "$python" --version > /dev/null 2>&1 || { echo "no $python here"; continue; }
    seen=$("$python" -c 'import sys; print("from" if sys.version_info >= (3, 13) else "below", "3.13")')
    "$python" -m venv "$folder/$python"
    "$folder/$python/bin/python" -m pip install --quiet "prefect==3.8.8" "fastapi<0.151" "sqlalchemy<2.1" "cronsim==2.8"
    "$folder/$python/bin/python" "$folder/dates.py" | tee "$folder/seen"
    diff "$folder/seen" "$folder/$seen"
done
