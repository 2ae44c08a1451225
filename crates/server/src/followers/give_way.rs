//! How long followers pause while many rows arrive: taking them in comes first, and what followers fall behind they read
//! from files later.

use std::time::Duration;

use lake::TenantLake;

/// More rows than this in a second leave followers a tenth of a processor.
const BUSY_ROWS_PER_SECOND: f64 = 50_000.0;
const PAUSE_FACTOR: u32 = 9;
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A pause ends early when fewer rows came for so long.
const BUSY_LOOK: Duration = Duration::from_secs(1);
const PRESSED_MAX: Duration = Duration::from_secs(10);
const PRESSED_LOOK: Duration = Duration::from_millis(100);

/// What a pause depends on.
pub(super) trait Pace {
    /// The sequence of the last row that was accepted.
    fn accepted(&self) -> i64;
    /// Whether rows come faster than they are written to files.
    fn is_pressed(&self) -> bool;
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

impl Pace for TenantLake {
    fn accepted(&self) -> i64 {
        self.last_sequence()
    }

    fn is_pressed(&self) -> bool {
        TenantLake::is_pressed(self)
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }
}

/// Pauses for a multiple of the time that was worked, in which `accepted_before` went before what is accepted now.
pub(super) async fn give_way(pace: &impl Pace, worked: Duration, accepted_before: i64) {
    let is_busy = |before: i64, time: Duration| {
        let accepted = pace.accepted().saturating_sub(before).max(0);
        accepted as f64 > BUSY_ROWS_PER_SECOND * time.as_secs_f64()
    };
    let mut left = worked.saturating_mul(PAUSE_FACTOR).min(PAUSE_MAX);
    let (mut before, mut time) = (accepted_before, worked);
    while !left.is_zero() && is_busy(before, time) {
        (before, time) = (pace.accepted(), left.min(BUSY_LOOK));
        pace.sleep(time).await;
        left -= time;
    }
    // A pause that is short because little was done is no reason to press on.
    let mut left = PRESSED_MAX;
    while !left.is_zero() && pace.is_pressed() {
        pace.sleep(PRESSED_LOOK).await;
        left -= PRESSED_LOOK;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A lake whose time passes when somebody sleeps.
    struct Simulated {
        now: Mutex<Duration>,
        rows_per_second: f64,
        flood_ends: Duration,
        pressed_until: Duration,
    }

    impl Simulated {
        fn now(&self) -> Duration {
            *self.now.lock().unwrap()
        }
    }

    impl Pace for Simulated {
        fn accepted(&self) -> i64 {
            (self.now().min(self.flood_ends).as_secs_f64() * self.rows_per_second) as i64
        }

        fn is_pressed(&self) -> bool {
            self.now() < self.pressed_until
        }

        async fn sleep(&self, time: Duration) {
            *self.now.lock().unwrap() += time;
        }
    }

    #[tokio::test]
    async fn pauses_are_as_long_as_the_flood_and_bounded() {
        const ALWAYS: f64 = 1e6;
        // Rows a second, when they end, until when the lake is pressed, time worked before, expected pause in seconds.
        for (rows_per_second, flood_ends, pressed_until, worked, expected) in [
            (200_000.0, ALWAYS, 0.0, 2.0, 18.0),
            (200_000.0, ALWAYS, 0.0, 30.0, 60.0),
            (200_000.0, 7.5, 0.0, 2.0, 7.0),
            (200_000.0, 1.0, 0.0, 1.0, 1.0),
            (40_000.0, ALWAYS, 0.0, 2.0, 0.0),
            (0.0, ALWAYS, 0.0, 30.0, 0.0),
            (0.0, ALWAYS, 5.0, 2.0, 3.0),
            (0.0, ALWAYS, ALWAYS, 2.0, 10.0),
            (200_000.0, ALWAYS, ALWAYS, 0.2, 11.8),
        ] {
            let seconds = Duration::from_secs_f64;
            let lake = Simulated {
                now: Mutex::new(seconds(worked)),
                rows_per_second,
                flood_ends: seconds(flood_ends),
                pressed_until: seconds(pressed_until),
            };
            give_way(&lake, seconds(worked), 0).await;
            let paused = (lake.now() - seconds(worked)).as_secs_f64();
            assert!(
                (paused - expected).abs() < 1e-6,
                "{paused} s after {worked} s at {rows_per_second} until {flood_ends}, pressed until {pressed_until}"
            );
        }
    }
}
