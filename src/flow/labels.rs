//! Enums with a label per variant for metrics and logs
//!
//! [`labelled`] takes the variants and their labels from one list, so that neither a label nor an entry of `ALL` can be
//! missing.

/// Defines an enum, `ALL` of its variants in their order, and `label`.
macro_rules! labelled {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $( $(#[$variant_attribute:meta])* $variant:ident => $label:literal, )+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$variant_attribute])* $variant, )+
        }

        impl $name {
            /// All variants, in the order of their declaration.
            pub const ALL: [Self; [$($label),+].len()] = [$(Self::$variant),+];

            /// Returns the name in metrics and logs.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }
    };
}

pub(super) use labelled;
