"""Make visits in memory and summarise them: the Python API in a few lines."""

from pathlib import Path

import synthdsl

spec = synthdsl.load(Path(__file__).with_name("outpatients.synth"), params={"n": 5_000})
visits = spec.generate().to_pandas()["visit"]

print(f"{len(visits):,} visits with {visits.shape[1]} fields each")
by_department = visits.groupby("department", observed=True)
print(by_department["age"].mean().round(0).astype(int).to_string())
missing = visits[["weight", "systolic", "smoker"]].isna().mean()
print((100 * missing).round().astype(int).to_string())
