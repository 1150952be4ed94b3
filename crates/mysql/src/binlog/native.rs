//! MariaDB's types of fixed bytes, as logged: UUID, INET4, INET6.
//!
//! The log holds a value's bytes in the order in which it is written, without zeros at the
//! end, whatever the order in which the server's version stores them (a UUID's parts are
//! turned around there). So a target of another version stores it in its own way.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use tidegate_model::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeType {
    Uuid,
    Inet4,
    Inet6,
}

impl NativeType {
    /// By the catalog's spelling. None: its values in the log cannot be read.
    pub fn of(spelling: &str) -> Option<NativeType> {
        let word = spelling.split_ascii_whitespace().next().unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "uuid" => Some(NativeType::Uuid),
            "inet4" => Some(NativeType::Inet4),
            "inet6" => Some(NativeType::Inet6),
            _ => None,
        }
    }

    pub fn length(self) -> u16 {
        match self {
            NativeType::Inet4 => 4,
            NativeType::Uuid | NativeType::Inet6 => 16,
        }
    }

    /// The text that the server would take for it.
    pub fn text(self, logged: &[u8]) -> Result<Bytes> {
        let mut bytes = [0_u8; 16];
        let room = bytes
            .get_mut(..logged.len())
            .filter(|room| room.len() <= usize::from(self.length()))
            .ok_or_else(|| Error::unknown(format!("{self:?} in {} bytes", logged.len())))?;
        room.copy_from_slice(logged);
        let [a, b, c, d, ..] = bytes;
        Ok(Bytes::from(match self {
            NativeType::Uuid => uuid(bytes),
            NativeType::Inet4 => Ipv4Addr::new(a, b, c, d).to_string(),
            NativeType::Inet6 => Ipv6Addr::from(bytes).to_string(),
        }))
    }
}

pub fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_their_order_with_the_zeros_that_were_dropped() {
        let check = |spelling: &str, logged: &[u8], expected: &str| {
            let kind = NativeType::of(spelling).expect("known");
            assert_eq!(kind.text(logged).expect("reads"), expected);
        };
        check("uuid", &[], "00000000-0000-0000-0000-000000000000");
        let uuid: Vec<u8> = (1..=16).collect();
        check("UUID", &uuid, "01020304-0506-0708-090a-0b0c0d0e0f10");
        check("inet4", &[192, 0, 2], "192.0.2.0");
        check("inet6", &[0x20, 1, 0xD, 0xB8], "2001:db8::");
        check(
            "inet6",
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4],
            "::ffff:1.2.3.4",
        );
        assert!(NativeType::Inet4.text(&[1; 5]).is_err() && NativeType::Uuid.text(&[1; 17]).is_err());
        assert_eq!(NativeType::of("xmltype"), None);
    }
}
