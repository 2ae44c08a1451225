//! Showing how far a command is, on a terminal only.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TEMPLATE: &str =
    "{bar:32} {decimal_bytes}/{decimal_total_bytes}  {msg}  {elapsed_precise} (about {eta} to go)";

pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// Of all files, as they are read.
    pub read_bytes: Arc<AtomicU64>,
    lines: AtomicU64,
    is_verbose: bool,
}

impl Progress {
    pub(crate) fn new(total_bytes: u64, is_verbose: bool) -> Progress {
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(total_bytes), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        let (read_bytes, lines) = (Arc::default(), AtomicU64::new(0));
        Progress { bar, began: Instant::now(), read_bytes, lines, is_verbose }
    }

    pub(crate) fn add_lines(&self, lines: u64) {
        let lines = self.lines.fetch_add(lines, Ordering::Relaxed) + lines;
        let rate = lines as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        self.bar.set_position(self.read_bytes.load(Ordering::Relaxed));
        self.bar.set_message(format!("{lines} lines, {rate:.0}/s"));
    }

    /// Something worth reading at once: above the bar, or as a line of its own.
    pub(crate) fn say(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// Said only when asked for.
    pub(crate) fn detail(&self, text: &str) {
        if self.is_verbose {
            self.say(text);
        }
    }

    pub(crate) fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.began.elapsed().as_secs_f64()
    }
}
