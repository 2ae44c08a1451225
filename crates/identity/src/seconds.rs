//! Times in claims (RFC 7519, 2): seconds since 1970, which some libraries write with a fraction.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Whole seconds; a fraction is cut off. Numbers that no clock reaches are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seconds(pub i64);

/// Beyond it the sums of times would not fit either.
const MAX: i64 = 1 << 52;

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Seconds, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds since 1970")
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Seconds, E> {
                let is_time = (-MAX..=MAX).contains(&seconds);
                if is_time { Ok(Seconds(seconds)) } else { Err(E::custom("the time is out of range")) }
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Seconds, E> {
                self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds, E> {
                // What is no number or too large becomes one that is refused.
                self.visit_i64(if seconds.is_nan() { i64::MAX } else { seconds.floor() as i64 })
            }
        }

        deserializer.deserialize_any(Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_cut_off_and_other_things_are_no_time() {
        for (text, expected) in [
            ("1795734214", Some(1_795_734_214)),
            ("1795734214.094593", Some(1_795_734_214)),
            ("1.7e9", Some(1_700_000_000)),
            ("-1.5", Some(-2)),
            ("0", Some(0)),
            ("1e300", None),
            ("9223372036854775807", None),
            ("18446744073709551615", None),
            ("\"1795734214\"", None),
            ("null", None),
            ("true", None),
            ("[1]", None),
        ] {
            let read = serde_json::from_str::<Seconds>(text).ok().map(|seconds| seconds.0);
            assert_eq!(read, expected, "{text}");
        }
    }
}
