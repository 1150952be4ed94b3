//! What MariaDB compresses: log events (log_bin_compress) and values of COMPRESSED columns.
//!
//! Source: MariaDB, "Compressing Events to Reduce Size of the Binary Log" and "Storage-Engine
//! Independent Column Compression". Both begin with a byte that tells the method and how
//! many bytes the length takes, highest first. Nothing is unpacked beyond that length.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use tidegate_model::{Error, Result};

use super::cursor::Cursor;

/// No event or value of the servers is larger (max_allowed_packet is at most 1 GiB).
const UNPACKED_BYTES_MAX: u64 = 1 << 30;
/// Memory set aside on the word of the length alone.
const RESERVED_BYTES_MAX: usize = 1 << 20;

/// A compressed event's text or rows.
pub fn event(bytes: Bytes) -> Result<Bytes> {
    const FORM: &str = "a compressed event";
    let mut cursor = Cursor::new(bytes);
    let head = cursor.little(1, FORM)?;
    if head & 0xF0 != 0x80 {
        return Err(Error::unknown(format!("{FORM} of a method that is not known")));
    }
    unpack(cursor, head & 0x07, true, FORM)
}

/// A value of a compressed column, as stored: 0 before what was not worth it.
pub fn value(bytes: Bytes) -> Result<Bytes> {
    const FORM: &str = "a compressed value";
    let mut cursor = Cursor::new(bytes);
    if cursor.remaining() == 0 {
        return Ok(Bytes::new());
    }
    match cursor.little(1, FORM)? {
        0 => Ok(cursor.into_rest()),
        head if head & 0xF0 == 0x80 => unpack(cursor, head & 0x07, head & 0x08 == 0, FORM),
        _ => Err(Error::unknown(format!("{FORM} of a method that is not known"))),
    }
}

/// `framed`: with zlib's header and sum around it.
fn unpack(mut cursor: Cursor, length_bytes: u64, framed: bool, form: &str) -> Result<Bytes> {
    if !(1..=4).contains(&length_bytes) {
        return Err(Error::unknown(format!("{form} without a length")));
    }
    let announced = cursor.big(length_bytes as usize, form)?;
    if announced > UNPACKED_BYTES_MAX {
        return Err(Error::unknown(format!(
            "{form} of {announced} bytes, more than a server sends"
        )));
    }
    let packed = cursor.into_rest();
    let reserved = usize::try_from(announced)
        .unwrap_or(usize::MAX)
        .min(RESERVED_BYTES_MAX);
    let mut unpacked = Vec::with_capacity(reserved);
    // One byte more than announced shows that there are more.
    let read = if framed {
        ZlibDecoder::new(&*packed)
            .take(announced + 1)
            .read_to_end(&mut unpacked)
    } else {
        DeflateDecoder::new(&*packed)
            .take(announced + 1)
            .read_to_end(&mut unpacked)
    };
    read.map_err(|error| Error::unknown(format!("{form} does not unpack")).caused_by(error))?;
    if unpacked.len() as u64 != announced {
        return Err(Error::unknown(format!(
            "{form} does not unpack to its announced size"
        )));
    }
    Ok(Bytes::from(unpacked))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};

    use super::*;

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).expect("writes");
        encoder.finish().expect("ends")
    }

    fn headed(head: &[u8], packed: &[u8]) -> Bytes {
        Bytes::from([head, packed].concat())
    }

    #[test]
    fn events_unpack_to_their_announced_size_alone() {
        let plain = vec![b'x'; 70_000];
        let packed = zlib(&plain);
        assert_eq!(
            event(headed(&[0x83, 1, 0x11, 0x70], &packed)).expect("unpacks"),
            plain
        );
        let refused =
            |head: &[u8], packed: &[u8]| event(headed(head, packed)).expect_err("refused").to_string();
        assert!(refused(&[0x83, 1, 0x11, 0x71], &packed).contains("announced size"));
        assert!(refused(&[0x83, 1, 0x11, 0x6F], &packed).contains("announced size"));
        assert!(refused(&[0x83, 1, 0x11, 0x70], &packed[..20]).contains("unpack"));
        assert!(refused(&[0x84, 0xFF, 0, 0, 0], &packed).contains("more than a server sends"));
        assert!(refused(&[0x93, 1, 0x11, 0x70], &packed).contains("method"));
        assert!(refused(&[0x80], &packed).contains("without a length"));
        assert!(event(Bytes::new()).is_err());
    }

    #[test]
    fn column_values_come_plain_framed_or_bare() {
        assert_eq!(value(Bytes::new()).expect("empty"), "");
        assert_eq!(value(Bytes::from_static(b"\0ab")).expect("plain"), "ab");
        assert_eq!(
            value(headed(&[0x81, 100], &zlib(&[7; 100]))).expect("framed"),
            vec![7; 100]
        );
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(&[7; 100]).expect("writes");
        let bare = bare.finish().expect("ends");
        assert_eq!(value(headed(&[0x89, 100], &bare)).expect("bare"), vec![7; 100]);
        assert!(value(headed(&[0x81, 99], &zlib(&[7; 100]))).is_err());
        assert!(value(Bytes::from_static(&[0x71, 1, 2])).is_err());
    }

    #[test]
    fn any_bytes_are_unpacked_or_refused() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..20_000 {
            let mut bytes = zlib(b"some text that repeats, some text that repeats");
            bytes.splice(0..0, [0x81, 46]);
            for _ in 0..3 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = (seed % bytes.len() as u64) as usize;
                bytes[at] = (seed >> 32) as u8;
            }
            let _ = (event(Bytes::from(bytes.clone())), value(Bytes::from(bytes)));
        }
    }
}
