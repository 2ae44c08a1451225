//! Binary XML of event logs: tokens, templates with places for values, and names elsewhere in the chunk.
//!
//! A template may be used by many records, and a value may be a fragment with templates of its own, so a few
//! bytes can stand for much. Depth is bounded, and so are the tokens and bytes that a record, and all records
//! of a chunk, come to.

use std::ops::Range;

use super::bytes::{CUT_OFF, Cursor, push_utf16};
use super::value::{Value, XML, push_text};
use crate::event::Event;
use crate::shapes::event_xml::Builder;

/// Events use four levels, and fragments two.
const ELEMENTS_MAX: usize = 32;
const FRAGMENTS_MAX: usize = 8;
const RECORD_TOKENS_MAX: usize = 20_000;
const CHUNK_TOKENS_MAX: usize = 200_000;
const CHUNK_TEXT_BYTES_MAX: usize = 8 << 20;
const VALUES_MAX: u32 = 8_192;
const NAME_BYTES_MAX: usize = 512;

const TOO_MUCH: &str = "its binary XML stands for more than is read";
const NOT_NESTED: &str = "its elements do not nest";

mod token {
    pub const END: u8 = 0x00;
    pub const OPEN: u8 = 0x01;
    pub const CLOSE_START: u8 = 0x02;
    pub const CLOSE_EMPTY: u8 = 0x03;
    pub const CLOSE: u8 = 0x04;
    pub const VALUE: u8 = 0x05;
    pub const ATTRIBUTE: u8 = 0x06;
    pub const CDATA: u8 = 0x07;
    pub const CHARACTER: u8 = 0x08;
    pub const ENTITY: u8 = 0x09;
    pub const INSTRUCTION: u8 = 0x0a;
    pub const INSTRUCTION_DATA: u8 = 0x0b;
    pub const TEMPLATE: u8 = 0x0c;
    pub const SUBSTITUTION: u8 = 0x0d;
    pub const OPTIONAL_SUBSTITUTION: u8 = 0x0e;
    pub const FRAGMENT: u8 = 0x0f;
    /// Set where more of the same follows, such as attributes.
    pub const MORE: u8 = 0x40;
}

/// What the records of a chunk may still come to.
#[derive(Debug)]
pub(super) struct Budget {
    tokens: usize,
    text_bytes: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { tokens: CHUNK_TOKENS_MAX, text_bytes: CHUNK_TEXT_BYTES_MAX }
    }
}

/// Reads the binary XML in a part of a chunk into the event.
pub(super) fn read_into(
    event: &mut Event<'_>,
    chunk: &[u8],
    part: Range<usize>,
    budget: &mut Budget,
) -> Result<(), &'static str> {
    let builder = Builder::new(event);
    let mut walk = Walk { chunk, builder, open: Vec::new(), start: None, tokens: 0, budget };
    walk.fragment(part, None, FRAGMENTS_MAX)?;
    if !walk.open.is_empty() || walk.start.is_some() {
        return Err(CUT_OFF);
    }
    walk.builder.finish();
    Ok(())
}

struct Walk<'c, 'b, 'a> {
    chunk: &'c [u8],
    builder: Builder<'b, 'a>,
    /// Names of the elements that are open.
    open: Vec<String>,
    /// A start tag that has not ended.
    start: Option<StartTag>,
    tokens: usize,
    budget: &'b mut Budget,
}

struct StartTag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl<'c> Walk<'c, '_, '_> {
    /// Walks over tokens. `values` are those of the template that the tokens define, if they do.
    fn fragment(
        &mut self,
        part: Range<usize>,
        values: Option<&[Value<'c>]>,
        depth: usize,
    ) -> Result<(), &'static str> {
        let depth = depth.checked_sub(1).ok_or(TOO_MUCH)?;
        let mut cursor = Cursor::new(self.chunk, part.start, part.end);
        while !cursor.is_at_end() {
            self.spend(1)?;
            let token = cursor.u8()?;
            match token & !token::MORE {
                token::END => break,
                token::FRAGMENT => {
                    cursor.take(3)?;
                }
                token::OPEN => self.open(&mut cursor, token & token::MORE != 0, values.is_some())?,
                token::CLOSE_START => self.end_start()?,
                token::CLOSE_EMPTY => {
                    self.end_start()?;
                    self.close()?;
                }
                token::CLOSE => self.close()?,
                token::ATTRIBUTE => {
                    let name = self.name(&mut cursor)?;
                    let start = self.start.as_mut().ok_or(NOT_NESTED)?;
                    start.attributes.push((name, String::new()));
                }
                token::VALUE => {
                    let kind = cursor.u8()?;
                    let start = cursor.at + 2;
                    let bytes = cursor.counted_utf16()?;
                    self.value(Value { kind, bytes, start }, depth)?;
                }
                token::CDATA => {
                    let bytes = cursor.counted_utf16()?;
                    self.text(bytes.len(), |out| push_utf16(out, bytes))?;
                }
                token::CHARACTER => {
                    let character =
                        char::from_u32(cursor.u16()?.into()).unwrap_or(char::REPLACEMENT_CHARACTER);
                    self.text(2, |out| out.push(character))?;
                }
                token::ENTITY => {
                    let entity = format!("&{};", self.name(&mut cursor)?);
                    self.text(entity.len(), |out| out.push_str(&crate::xml::unescape(&entity)))?;
                }
                token::INSTRUCTION => {
                    self.name(&mut cursor)?;
                }
                token::INSTRUCTION_DATA => {
                    cursor.counted_utf16()?;
                }
                token::TEMPLATE => self.template(&mut cursor, depth)?,
                kind @ (token::SUBSTITUTION | token::OPTIONAL_SUBSTITUTION) => {
                    let index = usize::from(cursor.u16()?);
                    cursor.u8()?;
                    let values = values.ok_or("it has a place for a value outside of a template")?;
                    let value =
                        *values.get(index).ok_or("its template asks for a value that is not there")?;
                    if kind == token::SUBSTITUTION || !value.is_none() {
                        self.value(value, depth)?;
                    }
                }
                _ => return Err("its binary XML has a token that is not known"),
            }
        }
        Ok(())
    }

    /// An element starts. Only those of templates say which value they depend on.
    fn open(
        &mut self,
        cursor: &mut Cursor<'c>,
        has_attributes: bool,
        is_template: bool,
    ) -> Result<(), &'static str> {
        if self.open.len() >= ELEMENTS_MAX || self.start.is_some() {
            return Err(NOT_NESTED);
        }
        if is_template {
            cursor.take(2)?;
        }
        cursor.take(4)?;
        let name = self.name(cursor)?;
        if has_attributes {
            cursor.take(4)?;
        }
        self.start = Some(StartTag { name, attributes: Vec::new() });
        Ok(())
    }

    fn end_start(&mut self) -> Result<(), &'static str> {
        let StartTag { name, attributes } = self.start.take().ok_or(NOT_NESTED)?;
        self.builder.open(&name, |wanted| {
            let found = attributes.iter().find(|(name, _)| name == wanted)?;
            Some(found.1.clone())
        });
        self.open.push(name);
        Ok(())
    }

    fn close(&mut self) -> Result<(), &'static str> {
        let name = self.open.pop().filter(|_| self.start.is_none()).ok_or(NOT_NESTED)?;
        self.builder.close(&name);
        Ok(())
    }

    /// Adds a value where it stands: to an attribute, or to the element.
    fn value(&mut self, value: Value<'c>, depth: usize) -> Result<(), &'static str> {
        if value.kind == XML {
            // Its elements are inside of the one that is open.
            if self.start.is_some() {
                return Err(NOT_NESTED);
            }
            return self.fragment(value.start..value.start + value.bytes.len(), None, depth);
        }
        if !value.is_list() {
            return self.text(value.bytes.len(), |out| push_text(out, value));
        }
        let items = value.items();
        if self.start.is_some() {
            return self.text(value.bytes.len(), |out| out.push_str(&items.join(" ")));
        }
        self.charge(value.bytes.len())?;
        self.builder.list(items);
        Ok(())
    }

    fn text(&mut self, bytes: usize, push: impl FnOnce(&mut String)) -> Result<(), &'static str> {
        self.charge(bytes)?;
        match &mut self.start {
            None => push(self.builder.text()),
            Some(start) => push(&mut start.attributes.last_mut().ok_or(NOT_NESTED)?.1),
        }
        Ok(())
    }

    /// Counts tokens, and what takes as long to read.
    fn spend(&mut self, tokens: usize) -> Result<(), &'static str> {
        self.tokens += tokens;
        self.budget.tokens = self.budget.tokens.checked_sub(tokens).ok_or(TOO_MUCH)?;
        if self.tokens > RECORD_TOKENS_MAX { Err(TOO_MUCH) } else { Ok(()) }
    }

    fn charge(&mut self, bytes: usize) -> Result<(), &'static str> {
        self.budget.text_bytes = self.budget.text_bytes.checked_sub(bytes).ok_or(TOO_MUCH)?;
        Ok(())
    }

    /// A name stands where it is used first, and is pointed to from then on.
    fn name(&self, cursor: &mut Cursor<'c>) -> Result<String, &'static str> {
        let at = cursor.u32()? as usize;
        let mut place = Cursor::new(self.chunk, at, self.chunk.len());
        // The next name of the same hash, and the hash.
        place.take(6)?;
        let bytes = place.counted_utf16()?;
        if bytes.len() > NAME_BYTES_MAX {
            return Err("it has a name that is too long for one");
        }
        let mut name = String::new();
        push_utf16(&mut name, bytes);
        place.take(2)?;
        if at == cursor.at {
            cursor.at = place.at;
        }
        Ok(name)
    }

    /// A template where it is used: its definition, here or elsewhere in the chunk, and the values.
    fn template(&mut self, cursor: &mut Cursor<'c>, depth: usize) -> Result<(), &'static str> {
        // A byte that is always 1, and the id of the template.
        cursor.take(5)?;
        let at = cursor.u32()? as usize;
        let mut definition = Cursor::new(self.chunk, at, self.chunk.len());
        // The next template of the same hash, and its GUID.
        definition.take(20)?;
        let bytes = definition.u32()? as usize;
        let start = definition.at;
        definition.take(bytes)?;
        if at == cursor.at {
            cursor.at = definition.at;
        }
        let count = cursor.u32()?;
        if count > VALUES_MAX {
            return Err(TOO_MUCH);
        }
        self.spend(count as usize)?;
        let mut values: Vec<Value<'c>> = Vec::with_capacity(count as usize);
        let mut sizes = cursor.clone();
        cursor.take(count as usize * 4)?;
        for _ in 0..count {
            let size = sizes.u16()?;
            let kind = sizes.u8()?;
            sizes.u8()?;
            let start = cursor.at;
            values.push(Value { kind, bytes: cursor.take(usize::from(size))?, start });
        }
        self.fragment(start..start + bytes, Some(&values), depth)
    }
}
