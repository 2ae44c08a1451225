//! Text without letter case.

/// The text in lower case, as stored for comparing.
///
/// Each character is mapped by itself, so a part of a text folds to a part of the folded text. The character
/// NUL, which databases cannot compare, is left out.
pub fn fold(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii() && byte != 0) {
        return text.to_ascii_lowercase();
    }
    text.chars().filter(|char| *char != '\0').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_folds_to_a_part_of_the_folded_text() {
        assert_eq!(fold("PC-1.Corp\0"), "pc-1.corp");
        assert_eq!(fold("PC-1.Corp"), "pc-1.corp");
        assert!(fold("ΟΔΟΣ").ends_with(&fold("Σ")));
    }
}
