//! How do we hold a value that nobody may print?

use zeroize::Zeroize;

/// A token, key, code or password: wiped when dropped, and readable only by asking for it by name.
///
/// It has no `Debug`, no `Display` and no `Serialize`, so a struct that holds one cannot be logged by accident.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the value over.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself: for a request to the provider, or for sealing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
