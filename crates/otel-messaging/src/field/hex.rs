//! Lower-case hexadecimal digits, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// The number that eight lower-case hexadecimal digits write, in the low half; `wrong` becomes
/// other than zero if they are not such digits, so that a caller asks once for all its numbers.
#[inline]
pub(crate) fn parse8(digits: [u8; 8], wrong: &mut u64) -> u64 {
    let text = u64::from_be_bytes(digits);
    // Without its high bit, no byte carries into the next; the high bit of each sum says whether
    // the byte is at least that character.
    let low = text & !HIGH;
    let at_least = |character: u8| low + (0x80 - u64::from(character)) * ONES;
    let decimal = at_least(b'0') & !at_least(b'9' + 1);
    let letter = at_least(b'a') & !at_least(b'f' + 1);
    *wrong |= (text | !(decimal | letter)) & HIGH;
    // Letters have 0x40 set, digits do not; `a` is 0x61 and means 10.
    let nibbles = (text & (0x0f * ONES)) + (text >> 6 & ONES) * 9;
    // Two nibbles a byte, two bytes a pair, two pairs.
    let bytes = (nibbles >> 4 | nibbles) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes >> 8 | bytes) & 0x0000_ffff_0000_ffff;
    (pairs >> 16 | pairs) & 0xffff_ffff
}

/// The number that two lower-case hexadecimal digits write.
pub(crate) fn parse2(digits: [u8; 2]) -> Option<u8> {
    let digit = |byte| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}

/// The two lower-case digits of each byte.
pub(crate) const PAIRS: [[u8; 2]; 256] = pairs(b"0123456789abcdef");

/// The two upper-case digits of each byte.
pub(crate) const UPPER_PAIRS: [[u8; 2]; 256] = pairs(b"0123456789ABCDEF");

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
                let mut wrong = 0;
                let number = parse8(digits, &mut wrong);
                assert_eq!(wrong == 0, valid, "{byte:#x} in place {place}");
                if valid {
                    let text = str::from_utf8(&digits).unwrap();
                    assert_eq!(u64::from_str_radix(text, 16), Ok(number));
                }
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
            let mut wrong = 0;
            let parsed = parse8(digits.clone().try_into().unwrap(), &mut wrong);
            prop_assert_eq!((parsed, wrong), (u64::from(number), 0));
            let first = parse2([digits[0], digits[1]]);
            prop_assert_eq!(first, Some(number.to_be_bytes()[0]));
        }

        #[test]
        fn two_digits_are_as_strict(digits: [u8; 2]) {
            let eight = [b'0', b'0', b'0', b'0', b'0', b'0', digits[0], digits[1]];
            let mut wrong = 0;
            let parsed = parse8(eight, &mut wrong);
            prop_assert_eq!(parse2(digits).map(u64::from), (wrong == 0).then_some(parsed));
        }
    }
}
