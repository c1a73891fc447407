"""Date patterns mean what Java's DateTimeFormatter makes of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulation.firehose.date_pattern import DatePattern
from emulation.firehose.errors import InvalidSetting, NotEmulated

TIMES = (
    datetime(2018, 8, 27, 10, 30, 5, 123000, UTC),
    datetime(2024, 12, 29, 23, 59, 59, 999000, UTC),
    datetime(2025, 1, 1, 0, 0, 0, 0, UTC),
    datetime(2026, 10, 5, 13, 7, 9, 45000, UTC),
)

# Printed by Java 17: DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH), in UTC, for TIMES.
SAID_BY_JAVA = """
yyyy|2018|2024|2025|2026
yy|18|24|25|26
y|2018|2024|2025|2026
yyyyy|02018|02024|02025|02026
uuuu|2018|2024|2025|2026
uu|18|24|25|26
M|8|12|1|10
MM|08|12|01|10
MMM|Aug|Dec|Jan|Oct
MMMM|August|December|January|October
LLLL|August|December|January|October
L|8|12|1|10
d|27|29|1|5
dd|27|29|01|05
D|239|364|1|278
DD|239|364|01|278
DDD|239|364|001|278
H|10|23|0|13
HH|10|23|00|13
h|10|11|12|1
hh|10|11|12|01
k|10|23|24|13
K|10|11|0|1
KK|10|11|00|01
m|30|59|0|7
mm|30|59|00|07
ss|05|59|00|09
S|1|9|0|0
SS|12|99|00|04
SSS|123|999|000|045
SSSSSSSSS|123000000|999000000|000000000|045000000
a|AM|PM|AM|PM
E|Mon|Sun|Wed|Mon
EEE|Mon|Sun|Wed|Mon
EEEE|Monday|Sunday|Wednesday|Monday
Q|3|4|1|4
QQ|03|04|01|04
QQQ|Q3|Q4|Q1|Q4
QQQQ|3rd quarter|4th quarter|1st quarter|4th quarter
yyyy/MM/dd/HH|2018/08/27/10|2024/12/29/23|2025/01/01/00|2026/10/05/13
yyyy-DDD|2018-239|2024-364|2025-001|2026-278
yyyy'-'MM'-'dd|2018-08-27|2024-12-29|2025-01-01|2026-10-05
yyyy''MM|2018'08|2024'12|2025'01|2026'10
''yyyy|'2018|'2024|'2025|'2026
""".strip().splitlines()


@pytest.mark.parametrize("line", SAID_BY_JAVA, ids=lambda line: line.split("|")[0])
def test_a_pattern_gives_what_java_gives(line: str) -> None:
    pattern, *expected = line.split("|")
    parsed = DatePattern.parse(pattern)
    assert [parsed.format(at) for at in TIMES] == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("'year='yyyy'/month='MM'/day='dd'/hour='HH", "year=2018/month=08/day=27/hour=10"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "2018-08-27T10:30:05.123Z"),
        ("'it''s 'yyyy", "it's 2018"),
        ("''''yyyy", "'2018"),
        ("'a'''yyyy", "a'2018"),
        ("yyyy'''x'", "2018'x"),
    ],
)
def test_quoted_text_is_literal_as_in_java(pattern: str, expected: str) -> None:
    assert DatePattern.parse(pattern).format(TIMES[0]) == expected


@pytest.mark.parametrize("pattern", ["yyyy#MM", "yyyy{MM", "yyyy'open"])
def test_what_java_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidSetting, match="date pattern"):
        DatePattern.parse(pattern)


@pytest.mark.parametrize(
    "pattern", ["YYYY", "ww", "W", "e", "VV", "Z", "n", "[yyyy]", "EEEEE", "DDDD", "HHH"]
)
def test_what_is_not_emulated_is_named(pattern: str) -> None:
    with pytest.raises(NotEmulated, match="date pattern"):
        DatePattern.parse(pattern)


def test_a_week_year_is_refused_with_what_to_use_instead() -> None:
    with pytest.raises(NotEmulated, match=r"'Y' depends on a locale.* use 'y'"):
        DatePattern.parse("YYYY/MM/dd")
