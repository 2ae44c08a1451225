//! Numbers of few bits, as runs of equal ones and as packed groups of eight: the format that Parquet uses for levels
//! and for references to a dictionary.

/// A shorter run of equal numbers is not worth a header of its own.
const RUN_MIN: usize = 16;

/// The levels of rows that are all there (1), or all null (0).
pub(super) fn write_levels(rows: usize, level: u8, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write_number((rows as u64) << 1, out);
    out.push(level);
    let bytes = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&bytes.to_le_bytes());
}

/// References to a dictionary with so many texts.
pub(super) fn write_codes(codes: &[u32], texts: usize, out: &mut Vec<u8>) {
    let bits = (u32::BITS - (texts.saturating_sub(1) as u32).leading_zeros()) as usize;
    out.push(bits as u8);
    let (mut packed, mut at) = (0, 0);
    while at < codes.len() {
        let equal = codes[at..].iter().take_while(|code| **code == codes[at]).count();
        // Packed numbers come in groups of eight: a run gives up what the last group lacks.
        let lacking = (at - packed).next_multiple_of(8) - (at - packed);
        if equal >= lacking + RUN_MIN {
            write_packed(&codes[packed..at + lacking], bits, out);
            write_number(((equal - lacking) as u64) << 1, out);
            out.extend_from_slice(&codes[at].to_le_bytes()[..bits.div_ceil(8)]);
            packed = at + equal;
        }
        at += equal;
    }
    write_packed(&codes[packed..], bits, out);
}

fn write_packed(codes: &[u32], bits: usize, out: &mut Vec<u8>) {
    if codes.is_empty() {
        return;
    }
    let groups = codes.len().div_ceil(8);
    write_number((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * bits;
    let (mut gathered, mut held) = (0u64, 0);
    for code in codes {
        gathered |= u64::from(*code) << held;
        held += bits;
        if held >= 32 {
            out.extend_from_slice(&(gathered as u32).to_le_bytes());
            gathered >>= 32;
            held -= 32;
        }
    }
    while held > 0 {
        out.push(gathered as u8);
        gathered >>= 8;
        held = held.saturating_sub(8);
    }
    out.resize(end, 0);
}

/// Seven bits a byte, the lowest first.
fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
