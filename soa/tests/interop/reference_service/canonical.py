"""One value of every type that can travel."""

import datetime
import decimal
import math

import currint
import pytz

MOMENT = datetime.datetime(2018, 9, 21, 12, 34, 56, 789012)

VALUES = {
    "none": None,
    "true": True,
    "false": False,
    "int_small": 7,
    "int_neg": -3,
    "int_u8": 200,
    "int_u16": 65535,
    "int_u32": 4294967295,
    "int_u64_max": 2**64 - 1,
    "int_i64_min": -(2**63),
    "float": 1.5,
    "float_neg_zero": -0.0,
    "float_pi": math.pi,
    "text": "héllo ☃ 😀",
    "empty_text": "",
    "bytes": b"\x00\xff\xfe raw",
    "empty_bytes": b"",
    "list": [1, [2, [3, []]], {"a": [None]}],
    "dict": {"k": {"k": {}}},
    "int_keys": {1: "one", 2: "two"},
    "dt_naive": MOMENT,
    "dt_utc": MOMENT.replace(tzinfo=pytz.UTC),
    "dt_epoch": datetime.datetime(1970, 1, 1),
    "dt_old": datetime.datetime(1901, 2, 3, 4, 5, 6, 7),
    "date": MOMENT.date(),
    "time": MOMENT.time(),
    "decimal": decimal.Decimal("1234.5600"),
    "decimal_neg_exp": decimal.Decimal("-1.5E+20"),
    "decimal_nan": "skipped: Decimal NaN",
    "amount": currint.Amount.from_code_and_minor("USD", 123456),
    "amount_jpy": currint.Amount.from_code_and_minor("JPY", -500),
}
