//! The list of formats. Routes, the command line and recognition by content are made from it: a new format
//! is a module with a [`Format`] and a line in [`FORMATS`].

use std::ops::ControlFlow;

use crate::{Mapped, Mapper, Refusal, auditd, evtx, ocsf, sysmon};

/// Every format, those first whose beginning leaves no doubt.
pub static FORMATS: &[&Format] = &[&evtx::FORMAT, &ocsf::FORMAT, &sysmon::FORMAT, &auditd::FORMAT];

/// How events of one origin are written.
#[derive(Debug)]
pub struct Format {
    /// The value of `--format`, and the last part of the route.
    pub name: &'static str,
    /// The route that takes bodies of this format.
    pub route: &'static str,
    /// What the route does, as a sentence.
    pub summary: &'static str,
    pub framing: Framing,
    /// Whether a file that begins with these bytes is of this format.
    pub(crate) is_likely: fn(&[u8]) -> bool,
    pub(crate) count: fn(&[u8]) -> u64,
    pub(crate) read: fn(&mut Mapper, &Input<'_>, &mut Give<'_>) -> ControlFlow<()>,
}

/// How the records of a format lie in a file, and so where it can be cut into bodies.
#[derive(Clone, Copy, Debug)]
pub enum Framing {
    /// One record a line: between any two of them.
    Lines,
    /// Lines of which several may make one event: where the function says that events are complete.
    Events(Part),
    /// A header and chunks of one size behind it: the header with any of the chunks is a file as well.
    Chunks { header_bytes: usize, chunk_bytes: usize },
}

/// Parts lines into two bodies: those of complete events, and those that wait for more.
pub type Part = fn(&[u8]) -> (Vec<u8>, Vec<u8>);

/// A body of records.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub body: &'a [u8],
    /// The device of records that name none.
    pub device: &'a str,
}

/// Takes what became of each record, with its number from 1: of the line, or of the record in its file.
pub type Give<'g> = dyn FnMut(u64, Result<Mapped, Refusal>) -> ControlFlow<()> + 'g;

/// The format of this name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.name == name)
}

/// The format of a file, by how it begins.
pub fn recognise(head: &[u8]) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| (format.is_likely)(head))
}

impl Format {
    /// Reads a body to its end, or until `give` breaks off. Each record is given once.
    pub fn read(&self, mapper: &mut Mapper, input: &Input<'_>, give: &mut Give<'_>) {
        let _ = (self.read)(mapper, input, give);
    }

    /// How many records [`Format::read`] gives for a body, found without reading them.
    pub fn count(&self, body: &[u8]) -> u64 {
        (self.count)(body)
    }
}
