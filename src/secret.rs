//! Secret values that cannot be printed

use zeroize::Zeroize;

/// A token, key, code or password. It is wiped when dropped, and only [`expose`](Self::expose) returns it.
///
/// It has no `Debug`, no `Display` and no `Serialize`, so a struct that holds a secret cannot be logged by accident.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes ownership of the value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value, for a request to the provider or for sealing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
