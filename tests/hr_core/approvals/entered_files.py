"""A law file and a scheme as people bring them for approval."""

LAW = """
schema = "clockline-law/1"
city = "上海"

[[row]]
items = ["minimum_wage"]
from = 2030-01-01
status = "official"
source = "notice 9"
amount = "3000"

[[row]]
items = ["pension"]
from = 2026-01-01
status = "unverified"
source = "somebody's page"
floor = "9000"
ceiling = "40000"
employer_percent = "17"
employee_percent = "8"
rounding = "jiao"

[[row]]
items = ["heat_allowance"]
district = "崇明"
from = 2031-06-01
status = "official"
source = "notice 10"
amount = "300"
"""

SCHEME = """
code = "own"
name = "Own"

[[edition]]
version = "own/1"
from = 2026-01-01
source = "house"

[edition.overtime]
source = "house"
month_days = "21.75"
day_hours = "8"
workday = "1.5"
rest_day = "2"
statutory_holiday = "3"

[edition.grade]
source = "house"
percent_of_base = { A = "20", B = "10" }
"""
