//! Where a streamed query goes on: opaque to clients, bound to one tenant and one text.
//!
//! A cursor gives no right to anything: it is read beside a token, and only says which of the rows that the token
//! opens anyway were given already.

use std::fmt::Write;

use model::Ticks;
use percent_encoding::percent_decode_str;
use query::{Asked, Position};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ctx::Ctx;

const VERSION: u8 = 1;
const BYTES_MAX: usize = 1024;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    version: u8,
    /// Of the tenant, the query and the functions it calls.
    digest: String,
    /// What `now()` means, in ticks.
    now: i64,
    after: i64,
    until: i64,
}

impl Cursor {
    pub fn new(asked: &Asked, ctx: &Ctx, position: Position) -> Cursor {
        let Position { after, until } = position;
        Cursor { version: VERSION, digest: digest(asked, ctx), now: asked.now.0, after, until }
    }

    /// The time and the place of a cursor, when it belongs to the question.
    pub fn of(text: &str, asked: &Asked, ctx: &Ctx) -> Option<(Ticks, Position)> {
        let cursor = Cursor::read(text)?;
        let Cursor { now, after, until, .. } = cursor;
        let is_place = (0..=until).contains(&after);
        (is_place && cursor.digest == digest(asked, ctx)).then_some((Ticks(now), Position { after, until }))
    }

    /// Hexadecimal digits: they need no quoting anywhere.
    pub fn write(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        hex(&json)
    }

    fn read(text: &str) -> Option<Cursor> {
        if text.len() > BYTES_MAX || text.len() % 2 == 1 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let quoted: String =
            text.as_bytes().chunks(2).flat_map(|pair| ['%', pair[0] as char, pair[1] as char]).collect();
        let json: Vec<u8> = percent_decode_str(&quoted).collect();
        serde_json::from_slice(&json).ok().filter(|cursor: &Cursor| cursor.version == VERSION)
    }
}

fn digest(asked: &Asked, ctx: &Ctx) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(&ctx.tenant().to_string());
    add(&asked.text);
    for function in &*asked.functions {
        [&function.name, &function.parameters, &function.body].into_iter().for_each(|text| add(text));
    }
    hex(&hash.finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let cursor = Cursor { version: VERSION, digest: "ab".to_owned(), now: 7, after: 5, until: 9 };
        let text = cursor.write();
        assert_eq!(Cursor::read(&text), Some(cursor));
        for wrong in ["", "zz", "7", "7b7d", &text[2..], &"00".repeat(600)] {
            assert_eq!(Cursor::read(wrong), None, "{wrong}");
        }
        let later = Cursor { version: 2, digest: String::new(), now: 0, after: 0, until: 0 };
        assert_eq!(Cursor::read(&later.write()), None);
    }
}
