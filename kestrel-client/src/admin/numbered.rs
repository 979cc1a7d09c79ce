//! Enums whose variants have numbers in the protocol.

/// Declares an enum of numbers of the protocol; numbers from newer brokers are kept as they are.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// One that this client does not know, by its number in the protocol.
            Other(i8),
        }

        impl $name {
            pub(in crate::admin) const fn to_wire(self) -> i8 {
                match self {
                    $(Self::$variant => $number,)+
                    Self::Other(number) => number,
                }
            }

            pub(in crate::admin) const fn from_wire(number: i8) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    other => Self::Other(other),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str(stringify!($variant)),)+
                    Self::Other(_) => write!(f, "number {}", self.to_wire()),
                }
            }
        }
    };
}

pub(super) use numbered;
