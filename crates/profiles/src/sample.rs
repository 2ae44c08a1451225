//! On how many devices something was seen, and on which: exact up to a bound, a sample beyond.
//!
//! Devices are ordered by a hash of their id, and those with the smallest hashes are kept. Whether a device is
//! among them depends on nothing but the set of devices, so what is kept of it is complete whatever order rows
//! come in: a device that was pushed out never comes back. How close together the hashes of the kept devices
//! lie tells how many there are in all (a sketch by the k smallest values, of 6 % standard error here).

use model::{DeviceId, Ticks};
use serde::{Deserialize, Serialize};

use crate::merge::Merge;

/// Devices that are kept. Up to this number the count is exact.
pub const DEVICES_MAX: usize = 256;

/// The time that is kept of a device is that of an hour, so that a profile does not change with every event.
pub(crate) const TICKS_PER_HOUR: i64 = 3_600 * model::time::TICKS_PER_SECOND;

/// Devices that saw something, with what each of them knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample<T> {
    /// Ascending by rank and id.
    devices: Vec<Sighting<T>>,
}

/// One device that saw something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting<T> {
    device: DeviceKey,
    /// The hour in which it last did, counted from the year 1.
    last_hour: i64,
    pub detail: T,
}

/// The bytes of a device's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct DeviceKey([u8; 20]);

impl<T> Default for Sample<T> {
    fn default() -> Sample<T> {
        Sample { devices: Vec::new() }
    }
}

impl<T: Merge> Sample<T> {
    /// Takes in that a device saw it at a time.
    pub(crate) fn add(&mut self, device: DeviceKey, at: i64, detail: T) {
        self.put(Sighting { device, last_hour: at.div_euclid(TICKS_PER_HOUR), detail });
        self.devices.truncate(DEVICES_MAX);
    }

    fn put(&mut self, seen: Sighting<T>) {
        let order = seen.device.order();
        match self.devices.binary_search_by_key(&order, |known| known.device.order()) {
            Ok(at) => {
                let known = &mut self.devices[at];
                known.last_hour = known.last_hour.max(seen.last_hour);
                known.detail.merge(seen.detail);
            }
            Err(DEVICES_MAX..) => {}
            Err(at) => self.devices.insert(at, seen),
        }
    }
}

impl<T> Sample<T> {
    /// How many devices saw it, within the time from `since` on if that is given; beyond [`DEVICES_MAX`]
    /// devices an estimate. Times count by the hour.
    pub fn device_count(&self, since: Option<Ticks>) -> u64 {
        let since = since.map_or(i64::MIN, |since| since.0.div_euclid(TICKS_PER_HOUR));
        let recent = self.devices.iter().filter(|seen| seen.last_hour >= since).count();
        match self.devices.last() {
            Some(last) if self.devices.len() == DEVICES_MAX => {
                // Hashes are spread evenly: so many devices leave a k-th smallest of that size.
                let covered = (last.device.rank() as f64 + 1.0) / 2f64.powi(64);
                let all = ((DEVICES_MAX - 1) as f64 / covered).max(DEVICES_MAX as f64);
                (all * recent as f64 / DEVICES_MAX as f64).round() as u64
            }
            _ => recent as u64,
        }
    }

    /// The devices that are kept.
    pub fn devices(&self) -> impl Iterator<Item = &Sighting<T>> {
        self.devices.iter()
    }
}

impl<T: Merge> Merge for Sample<T> {
    fn merge(&mut self, other: Sample<T>) {
        if self.devices.is_empty() {
            *self = other;
            return;
        }
        for seen in other.devices {
            self.put(seen);
            self.devices.truncate(DEVICES_MAX);
        }
    }
}

impl<T> Sighting<T> {
    pub fn device(&self) -> DeviceId {
        self.device.id()
    }

    /// The beginning of the hour in which the device last saw it.
    pub fn last_seen(&self) -> Ticks {
        Ticks(self.last_hour.saturating_mul(TICKS_PER_HOUR))
    }
}

impl DeviceKey {
    pub(crate) fn of(device: &DeviceId) -> DeviceKey {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => byte - b'0',
            // An id is made of lower-case hexadecimal digits.
            _ => byte.wrapping_sub(b'a').wrapping_add(10) & 0xf,
        };
        let text = device.as_str().as_bytes();
        DeviceKey(std::array::from_fn(|at| (digit(text[2 * at]) << 4) | digit(text[2 * at + 1])))
    }

    fn id(self) -> DeviceId {
        let text: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        DeviceId::parse(&text).expect("20 bytes are 40 hexadecimal digits")
    }

    /// A number that follows from the id alone and is spread evenly, whatever the ids are like. It is part of
    /// what is stored: another function is another version of every profile.
    fn rank(self) -> u64 {
        self.0.chunks(4).fold(0, |rank, part| {
            let part = part.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
            mixed(rank ^ part)
        })
    }

    fn order(self) -> (u64, DeviceKey) {
        (self.rank(), self)
    }
}

/// The finishing steps of SplitMix64: every bit of the input changes about half of the bits of the output.
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> DeviceKey {
        let mut bytes = [0; 20];
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        DeviceKey(bytes)
    }

    fn sample(numbers: impl IntoIterator<Item = u64>) -> Sample<()> {
        let mut sample = Sample::default();
        numbers.into_iter().for_each(|number| sample.add(key(number), 0, ()));
        sample
    }

    #[test]
    fn a_key_is_the_id_of_its_device() {
        let id = DeviceId::parse("0123456789abcdef0123456789abcdef01234567").unwrap();
        assert_eq!(DeviceKey::of(&id).id(), id);
    }

    #[test]
    fn counts_are_exact_up_to_the_bound_and_close_beyond() {
        for count in [0, 1, 2, 255, 256] {
            assert_eq!(sample(0..count).device_count(None), count);
        }
        for count in [300u64, 1_000, 10_000, 100_000] {
            let counted = sample(0..count).device_count(None) as f64;
            let error = (counted / count as f64 - 1.0).abs();
            // Three standard errors.
            assert!(error < 0.19, "{count} devices counted as {counted}");
        }
    }

    #[test]
    fn devices_within_a_time_are_counted_by_the_hour() {
        let mut sample = Sample::default();
        for number in 0..100 {
            sample.add(key(number), number as i64 * TICKS_PER_HOUR + 5, ());
        }
        let since = |hour: i64| sample.device_count(Some(Ticks(hour * TICKS_PER_HOUR + 9)));
        assert_eq!((since(0), since(60), since(99), since(100)), (100, 40, 1, 0));
    }

    #[test]
    fn what_is_kept_does_not_depend_on_order_repeats_or_cuts() {
        let whole = sample(0..2_000);
        assert_eq!(sample((0..2_000).rev().chain(0..500)), whole);
        let mut parts = sample(1_000..2_000);
        for from in [0, 500, 250, 0] {
            parts.merge(sample(from..from + 750));
        }
        assert_eq!(parts, whole);
        assert_eq!(whole.devices().count(), DEVICES_MAX);
    }
}
