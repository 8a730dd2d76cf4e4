//! Shapes in which providers send groups
//!
//! | value of the claim | groups |
//! |---|---|
//! | text | the text. With commas it is omitted, unless the operator says that commas separate groups. |
//! | integer | its decimal digits |
//! | list | each text and integer. Of an object, its only text or integer, if that is `name`, `value` or `id`. |
//! | object | each name whose value is `true` or an object. A name with `false` or null is no group. |
//!
//! An object in a list that has a flag other than `primary` is no group: the flag may say that it ended.
//! Every other value is omitted with its place and a reason, because two readers could take it for different groups.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use super::value::{Claim, Claims};
use crate::access::quoted::one_line;

/// The member of an object in a list that may name the group.
const NAMING_MEMBERS: [&str; 3] = ["name", "value", "id"];
/// The flag of an object in a list that says nothing about the membership (RFC 7643 §2.4).
const PRIMARY: &str = "primary";

/// Separates groups in a text.
const TEXT_SEPARATOR: char = ',';
/// Occurs in distinguished names (RFC 4514 §2.3), whose commas separate no groups.
const NAME_ASSIGNMENT: char = '=';

/// The limit of a name in a place, in characters.
const MAX_NAME_CHARACTERS: usize = 40;

/// Why a value names no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadShape {
    /// A list in a list.
    #[error("it is a list inside a list")]
    NestedList,
    /// An object in a list that may mean several groups, or none.
    #[error("it is an object, and its only text, integer or flag must be name, value or id")]
    AmbiguousObject,
    /// A member of an object that is neither a group nor the absence of one.
    #[error("its value is neither true, false, null nor an object")]
    AmbiguousMember,
    /// A text with commas, which may be one group or several.
    #[error(
        "it is one text with commas; if the provider joins groups with commas, and no group has a comma in its name, set \
         claims.comma_separated_groups = true"
    )]
    CommaText,
    /// A value of another type.
    #[error("it is {0}")]
    WrongType(&'static str),
}

/// The place of a value in its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'c> {
    Whole,
    Index(usize),
    Member(&'c str),
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Member(name) => write!(f, ".{}", cut(name)),
        }
    }
}

/// A group, or a value that names none.
pub(super) type Group<'c> = (Place<'c>, Result<Cow<'c, str>, BadShape>);

/// Returns text of a provider as a message may show it.
pub(super) fn cut(text: &str) -> String {
    one_line(text, MAX_NAME_CHARACTERS)
}

impl Claim {
    /// Returns the groups of the value, by the table of this module. `splits_text` is whether commas separate groups.
    pub(super) fn groups(&self, splits_text: bool) -> Vec<Group<'_>> {
        match self {
            Self::Text(text) if is_joined(text) && !splits_text => {
                vec![(Place::Whole, Err(BadShape::CommaText))]
            }
            Self::Text(text) if is_joined(text) => {
                let parts = text.split(TEXT_SEPARATOR).map(str::trim).enumerate();
                let parts = parts.filter(|(_, part)| !part.is_empty());
                parts.map(|(index, part)| (Place::Index(index), Ok(Cow::Borrowed(part)))).collect()
            }
            Self::List(list) => {
                let items = list.iter().enumerate();
                items.map(|(index, item)| (Place::Index(index), item.group_in_list())).collect()
            }
            Self::Object(members) => members.iter().filter_map(group_of_member).collect(),
            Self::Null => Vec::new(),
            Self::Text(_) | Self::Integer(_) | Self::Flag(_) | Self::Other => {
                let group = self.as_text().ok_or(BadShape::WrongType(self.type_name()));
                vec![(Place::Whole, group)]
            }
        }
    }

    fn group_in_list(&self) -> Result<Cow<'_, str>, BadShape> {
        match self {
            Self::List(_) => Err(BadShape::NestedList),
            Self::Object(members) => naming_member(members).ok_or(BadShape::AmbiguousObject),
            _ => self.as_text().ok_or(BadShape::WrongType(self.type_name())),
        }
    }
}

/// Returns whether a text may have several groups.
fn is_joined(text: &str) -> bool {
    text.contains(TEXT_SEPARATOR) && !text.contains(NAME_ASSIGNMENT)
}

/// Returns the text or integer of an object, if it is its only one and its name says that it names the object.
///
/// A flag could say that the membership has ended, such as `active: false` or `disabled: true`.
fn naming_member(members: &Claims) -> Option<Cow<'_, str>> {
    let has_flag = members.iter().any(|(name, value)| matches!(value, Claim::Flag(_)) && name != PRIMARY);
    let mut texts = members.iter().filter_map(|(name, value)| Some((name, value.as_text()?)));
    let (name, text) = texts.next()?;
    (!has_flag && texts.next().is_none() && NAMING_MEMBERS.contains(&name.as_str())).then_some(text)
}

fn group_of_member<'c>((name, value): (&'c String, &Claim)) -> Option<Group<'c>> {
    let group = match value {
        Claim::Flag(true) | Claim::Object(_) => Ok(Cow::Borrowed(name.as_str())),
        Claim::Flag(false) | Claim::Null => return None,
        _ => Err(BadShape::AmbiguousMember),
    };
    Some((Place::Member(name), group))
}

#[cfg(test)]
mod tests;
