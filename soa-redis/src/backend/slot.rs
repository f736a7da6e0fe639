//! The slots of a cluster.

/// Number of slots that keys are spread over.
const SLOTS: u16 = 16_384;

/// The remainders of the polynomial of CRC-16/XMODEM, by the byte that goes out.
const REMAINDERS: [u16; 256] = {
    let mut remainders = [0; 256];
    let mut byte: u16 = 0;
    while byte < 256 {
        let mut remainder = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            let is_out = remainder & 0x8000 != 0;
            remainder = (remainder << 1) ^ if is_out { 0x1021 } else { 0 };
            bit += 1;
        }
        remainders[byte as usize] = remainder;
        byte += 1;
    }
    remainders
};

/// The slot that a key is in. The text in its first pair of braces decides alone, if there is some.
pub(in super::super) fn key_slot(key: &[u8]) -> u16 {
    checksum(tag(key)) % SLOTS
}

fn tag(key: &[u8]) -> &[u8] {
    let place = |bytes: &[u8], wanted| bytes.iter().position(|byte| *byte == wanted);
    let Some(behind) = place(key, b'{').and_then(|begin| key.get(begin + 1..)) else {
        return key;
    };
    match place(behind, b'}') {
        None | Some(0) => key,
        Some(end) => &behind[..end],
    }
}

fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| {
        let [out, _] = sum.to_be_bytes();
        (sum << 8) ^ REMAINDERS[usize::from(out ^ byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(checksum(b"123456789"), 0x31C3);
        assert_eq!(key_slot(b"123456789"), 12_739);
        assert_eq!(key_slot(b""), 0);
        let same = [
            ("{user1000}.following", "user1000"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
        ];
        for (key, tag) in same {
            assert_eq!(key_slot(key.as_bytes()), key_slot(tag.as_bytes()), "{key}");
        }
        // Without text in the first pair of braces, all of a key counts.
        for key in ["foo{}{bar}", "foo{bar", "foo}bar{", "{"] {
            assert_eq!(tag(key.as_bytes()), key.as_bytes());
        }
    }
}
