//! One value of every type of the protocol.

use soa::{Amount, Blob, Date, DateTime, Decimal, Map, Time, UtcDateTime, Value, value};

pub(crate) fn types() -> Result<Map, Box<dyn std::error::Error + Send + Sync>> {
    let date = Date::new(2018, 9, 21)?;
    let time = Time::new(12, 34, 56, 789_012)?;
    let naive = DateTime::new(date, time);
    let old = DateTime::new(Date::new(1901, 2, 3)?, Time::new(4, 5, 6, 7)?);
    let int_keys: Map = [(1, "one"), (2, "two")].into_iter().collect();
    let entries: [(&str, Value); 31] = [
        ("none", Value::Nil),
        ("true", true.into()),
        ("false", false.into()),
        ("int_small", 7.into()),
        ("int_neg", (-3).into()),
        ("int_u8", 200.into()),
        ("int_u16", 65_535.into()),
        ("int_u32", 4_294_967_295_u32.into()),
        ("int_u64_max", u64::MAX.into()),
        ("int_i64_min", i64::MIN.into()),
        ("float", 1.5.into()),
        ("float_neg_zero", (-0.0).into()),
        ("float_pi", std::f64::consts::PI.into()),
        ("text", "héllo ☃ 😀".into()),
        ("empty_text", "".into()),
        ("bytes", Blob::from(b"\x00\xff\xfe raw".to_vec()).into()),
        ("empty_bytes", Blob::from(Vec::new()).into()),
        ("list", value!([1, [2, [3, []]], { "a": [nil] }])),
        ("dict", value!({ "k": { "k": {} } })),
        ("int_keys", int_keys.into()),
        ("dt_naive", naive.into()),
        ("dt_utc", UtcDateTime::new(date, time).into()),
        ("dt_epoch", DateTime::from_micros(0)?.into()),
        ("dt_old", old.into()),
        ("date", date.into()),
        ("time", time.into()),
        ("decimal", "1234.5600".parse::<Decimal>()?.into()),
        ("decimal_neg_exp", "-1.5E+20".parse::<Decimal>()?.into()),
        // The service that the captured messages come from cannot compare a NaN, and sends this text in its place.
        ("decimal_nan", "skipped: Decimal NaN".into()),
        ("amount", Amount::new("USD", 123_456)?.into()),
        ("amount_jpy", Amount::new("JPY", -500)?.into()),
    ];
    Ok(entries.into_iter().collect())
}
