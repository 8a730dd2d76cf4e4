//! How is a fault declared once, with its name, cases, effect and action in one row?

/// Makes an enum of faults, each row being: variant, name, cases, effect, action.
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

            pub(crate) fn row(self) -> $crate::fault::Row {
                match self {
                    $(Self::$fault => $crate::fault::Row { name: $name, cases: $cases, effect: $effect },)*
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
