//! The file `DIR/credentials`: the SecretId and SecretKey that the first start
//! makes, as two lines that a shell can read as well.
//!
//! Text in, text out: whoever holds the file reads and writes it, mode 0600.

/// A caller's SecretId and SecretKey.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub secret_id: String,
    pub secret_key: String,
}

pub const ID_NAME: &str = "TIDEGATE_SECRET_ID";
pub const KEY_NAME: &str = "TIDEGATE_SECRET_KEY";
/// The file's name inside the data folder.
pub const FILE_NAME: &str = "credentials";

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.secret_id)
    }
}

impl Credentials {
    pub fn to_text(&self) -> String {
        format!("{ID_NAME}={}\n{KEY_NAME}={}\n", self.secret_id, self.secret_key)
    }

    /// None where a line is missing or empty. Other lines are passed over.
    pub fn from_text(text: &str) -> Option<Credentials> {
        let value = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.trim().split_once('='));
            let found = lines.find(|(have, _)| *have == name);
            found
                .map(|(_, value)| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        Some(Credentials {
            secret_id: value(ID_NAME)?,
            secret_key: value(KEY_NAME)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_half_a_file_is_not() {
        let both = Credentials {
            secret_id: "AKIDx".to_owned(),
            secret_key: "k=y".to_owned(),
        };
        let text = format!("# a note\n{}", both.to_text());
        assert_eq!(Credentials::from_text(&text), Some(both));
        assert_eq!(Credentials::from_text("TIDEGATE_SECRET_ID=a\n"), None);
        assert_eq!(
            Credentials::from_text("TIDEGATE_SECRET_ID=a\nTIDEGATE_SECRET_KEY=\n"),
            None
        );
    }
}
