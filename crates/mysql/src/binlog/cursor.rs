//! Reading of numbers from an event's bytes, with every end checked.

use bytes::Bytes;
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
            return Err(Error::unknown(format!(
                "the log ends inside {what}: {length} bytes wanted, {} left",
                self.rest.len()
            )));
        }
        Ok(self.rest.split_to(length))
    }

    /// An unsigned number of 1 to 8 bytes, lowest first: the log's common order.
    pub fn little(&mut self, length: usize, what: &str) -> Result<u64> {
        let bytes = self.number(length, what)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// An unsigned number of 0 to 8 bytes, highest first: the order of packed times and decimals.
    pub fn big(&mut self, length: usize, what: &str) -> Result<u64> {
        let bytes = self.number(length, what)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn number(&mut self, length: usize, what: &str) -> Result<Bytes> {
        if length > 8 {
            return Err(Error::bug(format!("{what}: a number of {length} bytes")));
        }
        self.take(length, what)
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
