//! Lower-case hexadecimal digits, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// The number that eight lower-case hexadecimal digits write.
pub(super) fn parse8(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_le_bytes(digits);
    if text & HIGH != 0 {
        return None;
    }
    // No byte has its high bit, so no addition carries into the next byte; the high bit of each
    // sum says whether the byte is at least that character.
    let at_least = |character: u8| text + (0x80 - u64::from(character)) * ONES;
    let decimal = at_least(b'0') & !at_least(b'9' + 1);
    let letter = at_least(b'a') & !at_least(b'f' + 1);
    if (decimal | letter) & HIGH != HIGH {
        return None;
    }
    let nibbles = (text & (0x0f * ONES)) + ((letter & HIGH) >> 7) * 9;
    // Two nibbles a byte, two bytes a pair, two pairs; the first digit is in the lowest byte.
    let bytes = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    let number = (pairs | pairs >> 16) & 0xffff_ffff;
    u32::try_from(number).ok().map(u32::swap_bytes)
}

/// The number that two lower-case hexadecimal digits write.
pub(super) fn parse2(digits: [u8; 2]) -> Option<u8> {
    let digit = |byte| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}

/// The two lower-case digits of each byte.
pub(super) const PAIRS: [[u8; 2]; 256] = pairs(b"0123456789abcdef");

/// The two upper-case digits of each byte.
pub(super) const UPPER_PAIRS: [[u8; 2]; 256] = pairs(b"0123456789ABCDEF");

const fn pairs(digits: &[u8; 16]) -> [[u8; 2]; 256] {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_in_every_place() {
        for place in 0..8 {
            for byte in 0..=255 {
                let mut digits = *b"0a9f5c31";
                digits[place] = byte;
                let valid = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                let expected = valid
                    .then(|| u32::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
                assert_eq!(parse8(digits), expected, "{byte:#x} in place {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u32) {
            let digits: Vec<u8> = number
                .to_be_bytes()
                .iter()
                .flat_map(|byte| PAIRS[usize::from(*byte)])
                .collect();
            prop_assert_eq!(parse8(digits.clone().try_into().unwrap()), Some(number));
            let first = parse2([digits[0], digits[1]]);
            prop_assert_eq!(first, Some(number.to_be_bytes()[0]));
        }

        #[test]
        fn two_digits_are_as_strict(digits: [u8; 2]) {
            let eight = [b'0', b'0', b'0', b'0', b'0', b'0', digits[0], digits[1]];
            prop_assert_eq!(parse2(digits).map(u32::from), parse8(eight));
        }
    }
}
