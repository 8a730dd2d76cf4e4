//! Values of claims

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The value of a claim: JSON. Of numbers, only integers have their value, because an identity needs no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A JSON string.
    Text(String),
    /// A JSON number without a fraction or an exponent.
    Integer(i128),
    /// A JSON boolean.
    Flag(bool),
    /// A JSON array.
    List(Vec<Self>),
    /// A JSON object.
    Object(Claims),
    /// JSON null.
    Null,
    /// Any other number, which names no user and no group.
    Other,
}

/// Claims by name (OpenID Connect Core §5.1).
pub type Claims = BTreeMap<String, Claim>;

impl Claim {
    /// Returns a text or an integer as text.
    pub(super) fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Flag(_) | Self::List(_) | Self::Object(_) | Self::Null | Self::Other => None,
        }
    }

    /// Returns the type of the value, as a message names it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Null => "null",
            Self::Other => "a number that is no integer",
        }
    }
}
