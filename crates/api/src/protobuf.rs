//! Writes the few fields of Protocol Buffers that answers of OpenTelemetry have.

pub(crate) const MEDIA_TYPE: &str = "application/x-protobuf";

pub(crate) fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    varint(out, value);
}

pub(crate) fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_a_tag_and_a_length() {
        let mut out = Vec::new();
        number(&mut out, 1, 300);
        bytes(&mut out, 2, b"ab");
        assert_eq!(out, [0x08, 0xac, 0x02, 0x12, 2, b'a', b'b']);
    }
}
