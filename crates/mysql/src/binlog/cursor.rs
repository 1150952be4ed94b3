//! Reading of numbers from an event's bytes, with every end checked.

use bytes::{Buf as _, Bytes};
use tidegate_model::{Error, Result};

/// Takes bytes from the front. Slices share the event's buffer.
#[derive(Clone, Debug)]
pub struct Cursor {
    rest: Bytes,
}

impl Cursor {
    pub fn new(rest: Bytes) -> Cursor {
        Cursor { rest }
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// `what` names the form being read, for the error of a short read.
    pub fn take(&mut self, length: usize, what: &str) -> Result<Bytes> {
        if length > self.rest.len() {
            return Err(self.short(length, what));
        }
        Ok(self.rest.split_to(length))
    }

    /// An unsigned number of 1 to 8 bytes, lowest first: the log's common order.
    pub fn little(&mut self, length: usize, what: &str) -> Result<u64> {
        let number = self
            .number(length, what)?
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.rest.advance(length);
        Ok(number)
    }

    /// An unsigned number of 0 to 8 bytes, highest first: the order of packed times and decimals.
    pub fn big(&mut self, length: usize, what: &str) -> Result<u64> {
        let number = self
            .number(length, what)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.rest.advance(length);
        Ok(number)
    }

    /// A number of 1 to 9 bytes that tells its own length (protocol chapter "Integer Types").
    pub fn length_encoded(&mut self, what: &str) -> Result<u64> {
        match self.little(1, what)? {
            0xFC => self.little(2, what),
            0xFD => self.little(3, what),
            0xFE => self.little(8, what),
            0xFB | 0xFF => Err(Error::unknown(format!("{what}: a length that is none"))),
            small => Ok(small),
        }
    }

    pub fn skip(&mut self, length: usize, what: &str) -> Result<()> {
        if length > self.rest.len() {
            return Err(self.short(length, what));
        }
        self.rest.advance(length);
        Ok(())
    }

    /// All that is left.
    pub fn into_rest(self) -> Bytes {
        self.rest
    }

    /// Without a copy and without sharing: numbers are read by the million.
    fn number(&self, length: usize, what: &str) -> Result<&[u8]> {
        if length > 8 {
            return Err(Error::bug(format!("{what}: a number of {length} bytes")));
        }
        self.rest.get(..length).ok_or_else(|| self.short(length, what))
    }

    fn short(&self, length: usize, what: &str) -> Error {
        Error::unknown(format!(
            "the log ends inside {what}: {length} bytes wanted, {} left",
            self.rest.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_both_orders_and_never_past_the_end() {
        let mut cursor = Cursor::new(Bytes::from_static(&[1, 2, 1, 2, 9]));
        assert_eq!(cursor.little(2, "x").expect("reads"), 0x0201);
        assert_eq!(cursor.big(2, "x").expect("reads"), 0x0102);
        let error = cursor.big(2, "a year").expect_err("short");
        assert_eq!(
            error.to_string(),
            "the log ends inside a year: 2 bytes wanted, 1 left"
        );
        assert_eq!(cursor.remaining(), 1);
        assert!(cursor.little(9, "x").is_err());
    }
}
