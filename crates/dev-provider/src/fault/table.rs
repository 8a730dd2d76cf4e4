//! Declaration of a fault in one row: its name, cases, effect and action

/// The description of a fault, from its declaration.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) cases: &'static str,
    pub(crate) effect: &'static str,
}

/// Defines an enum of faults. Each row contains: variant, name, cases, effect, action.
macro_rules! faults {
    (
        $(#[$about:meta])* $kind:ident: $action:ty;
        $($fault:ident, $name:literal, $cases:literal, $effect:literal, $act:expr;)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind {
            $(#[doc = concat!($effect, ". Cases: ", $cases, ".")] $fault,)*
        }

        impl $kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$fault),*];

            pub(crate) fn row(self) -> $crate::fault::table::Row {
                match self {
                    $(Self::$fault => $crate::fault::table::Row { name: $name, cases: $cases, effect: $effect },)*
                }
            }

            fn action(self) -> $action {
                match self {
                    $(Self::$fault => $act,)*
                }
            }
        }
    };
}

pub(crate) use faults;
