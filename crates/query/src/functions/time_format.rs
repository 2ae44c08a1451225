//! Patterns that times and time spans are written by: `yyyy-MM-dd [HH:mm]`.

/// One piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A run of one letter, and how many.
    Run(char, usize),
    Delimiter(char),
}

const DELIMITERS: &str = " /-:,._[]";

/// Takes a pattern apart. `letters` are the letters it may have and the lengths of their runs.
pub(super) fn parse(pattern: &str, letters: &[(char, &[usize])]) -> Result<Vec<Piece>, String> {
    if pattern.is_empty() {
        return Err("the format must not be empty".to_owned());
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for c in pattern.chars() {
        match pieces.last_mut() {
            Some(Piece::Run(letter, count)) if *letter == c => *count += 1,
            _ if DELIMITERS.contains(c) => pieces.push(Piece::Delimiter(c)),
            _ => pieces.push(Piece::Run(c, 1)),
        }
    }
    for piece in &pieces {
        let Piece::Run(letter, count) = piece else { continue };
        let lengths = letters.iter().find(|(known, _)| known == letter).map(|(_, lengths)| *lengths);
        if !lengths.is_some_and(|lengths| lengths.contains(count)) {
            let run: String = std::iter::repeat_n(*letter, (*count).min(20)).collect();
            return Err(format!("'{run}' cannot stand in this format; valid are {}", valid(letters)));
        }
    }
    Ok(pieces)
}

fn valid(letters: &[(char, &[usize])]) -> String {
    let runs = letters.iter().flat_map(|(letter, lengths)| {
        lengths.iter().map(|count| std::iter::repeat_n(*letter, *count).collect::<String>())
    });
    format!("{}, and the delimiters {DELIMITERS:?}", runs.collect::<Vec<_>>().join(" "))
}

/// Appends a number with at least so many digits.
pub(super) fn push_number(out: &mut String, number: i64, digits: usize) {
    use std::fmt::Write;
    // Writing to memory does not fail.
    let _ = write!(out, "{number:0digits$}");
}

/// Appends the first digits of a fraction of a second, in ticks; `trimmed` without zeros at the end.
pub(super) fn push_fraction(out: &mut String, ticks: i64, digits: usize, trimmed: bool) {
    let text = format!("{ticks:07}");
    let text = text.get(..digits).unwrap_or(&text);
    out.push_str(if trimmed { text.trim_end_matches('0') } else { text });
}
