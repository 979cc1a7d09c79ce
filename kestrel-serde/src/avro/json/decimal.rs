//! Decimals between their bytes and a text with all of their digits. Pure.

/// The text of a number that is so many units of its last digit. `None` for one of more than 16 bytes.
pub(super) fn text_of(unscaled: &[u8], scale: usize) -> Option<String> {
    let sign = if unscaled.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut number = [sign; 16];
    let start = number.len().checked_sub(unscaled.len())?;
    number[start..].copy_from_slice(unscaled);
    let number = i128::from_be_bytes(number);
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if number < 0 { "-" } else { "" };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// The bytes of the number in a text, as few as it needs. No digit is dropped: one more than the scale has is no number of it.
pub(super) fn bytes_of(text: &str, precision: usize, scale: usize) -> Option<Vec<u8>> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number =
        !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number || fraction.len() > scale {
        return None;
    }
    let digits = format!("{whole}{fraction:0<scale$}");
    if digits.trim_start_matches('0').len() > precision {
        return None;
    }
    let number = digits.parse::<i128>().ok()? * sign;
    let bytes = number.to_be_bytes();
    let filler = if number < 0 { 0xff } else { 0 };
    let is_needed = |pair: &[u8]| pair[0] != filler || (pair[1] ^ filler) & 0x80 != 0;
    let start = bytes.windows(2).position(is_needed).unwrap_or(bytes.len() - 1);
    Some(bytes[start..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        for (text, scale, bytes) in [
            ("0", 0, &[0][..]),
            ("0.00", 2, &[0]),
            ("-1", 0, &[0xff]),
            ("1.28", 2, &[0, 128]),
            ("-1.28", 2, &[128]),
            ("-0.05", 2, &[0xfb]),
            ("12345678901234567890.5", 1, &[0x06, 0xb1, 0x4e, 0x9f, 0x81, 0x2f, 0x36, 0x6c, 0x39]),
        ] {
            assert_eq!(bytes_of(text, 38, scale).as_deref(), Some(bytes), "{text}");
            assert_eq!(text_of(bytes, scale).as_deref(), Some(text));
        }
        assert_eq!(bytes_of("7", 9, 2), bytes_of("7.00", 9, 2));
        for text in ["", ".5", "1.234", "1e3", "+1", "1234567890", "--1"] {
            assert_eq!(bytes_of(text, 9, 2), None, "{text}");
        }
        assert_eq!(text_of(&[1; 17], 0), None);
    }
}
