//! Tables: the macro that makes a struct of rows, and what a row can do.

use crate::key::Key;
use crate::raw::InvalidSetting;

/// One row of a table: a key, and the field of `C` that has its value.
#[derive(Debug)]
pub struct Row<C: 'static> {
    /// The key.
    pub key: Key,
    /// Reads a text into the field; the error is what would have been allowed.
    pub read: fn(&mut C, &str) -> Result<(), String>,
    /// The field's value, as a properties file would have it.
    pub print: fn(&C) -> String,
}

impl<C> Row<C> {
    /// Checks that the field's value is in the range of its key. For values that came as text that was done before.
    ///
    /// # Errors
    /// With the key and what would be allowed.
    pub fn check(&self, config: &C) -> Result<(), InvalidSetting> {
        let value = (self.print)(config);
        if self.key.allowed.contains(&value) {
            return Ok(());
        }
        Err(InvalidSetting::new(&self.key, value, self.key.expected().to_string()))
    }
}

/// Makes a table: a struct with a typed field for each row, its defaults, and a [`Key`] for each field.
///
/// ```
/// use kestrel_settings::settings;
///
/// settings! {
///     /// The struct `GroupSettings`; `GROUPS.max_size` is the key of its field `max_size`.
///     pub(crate) struct GroupSettings, keys GROUPS: GroupKeys;
///
///     /// How many members a group has at most. (The key's documentation.)
///     max_size: usize, "group.max.size", Int, "2147483647", [1..];
/// //  field    type    key               type of value  default  range, further columns
/// }
/// assert_eq!(GroupSettings::default().max_size, 2_147_483_647);
/// assert_eq!(GROUPS.max_size.name, "group.max.size");
/// # let _ = GroupSettings::ROWS;
/// ```
///
/// The field's type is a [`Value`](crate::Value), which says how text is read; the type of the value is what Apache Kafka calls it
/// ([`ValueType`](crate::ValueType)). The key may have aliases (`"acks" | "request.required.acks"`). The default is a text or `null`.
/// Ranges are `any`, `0..`, `1..=9`, `-1 | 1..=9`, `fraction 0.0..=1.0`, `"one" | "of" | "these"`, `any_case "A" | "B"` and
/// `each "a" | "b"` for lists. Further columns are fields of [`Key`]: `scope: Scope::Dynamic`. The struct may hold another table:
/// `struct ConsumerConfig, keys CONSUMER: ConsumerKeys, with group: GroupConfig;`.
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $vis:vis struct $config:ident, keys $table:ident: $keys:ident $(, with $part:ident: $part_type:ty)*;
        $(
            $(#[doc = $doc:literal])+
            $field:ident: $type:ty, $name:literal $(| $alias:literal)*, $value_type:ident, $default:tt, [$($allowed:tt)+]
            $(, $column:ident: $content:expr)*;
        )+
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $vis struct $config {
            $($(#[doc = $doc])+ pub(crate) $field: $type,)+
            $(pub(crate) $part: $part_type,)*
        }

        #[doc = concat!("The keys of [`", stringify!($config), "`], by the names of its fields.")]
        #[derive(Debug)]
        pub(crate) struct $keys {
            $(#[doc = concat!("`", $name, "`")] pub(crate) $field: $crate::Key,)+
        }

        #[doc = concat!("The keys of [`", stringify!($config), "`].")]
        pub(crate) const $table: $keys = $keys {
            $($field: $crate::Key {
                name: $name,
                aliases: &[$($alias),*],
                value_type: $crate::ValueType::$value_type,
                default: $crate::default_of!($default),
                allowed: $crate::allowed!($($allowed)+),
                doc: concat!($($doc, "\n"),+),
                $($column: $content,)*
                ..$crate::Key::EMPTY
            },)+
        };

        impl $config {
            /// The rows of the table.
            pub(crate) const ROWS: &'static [$crate::Row<Self>] = &[$($crate::Row {
                key: $table.$field,
                read: |config, text| {
                    config.$field = $crate::Value::parse(text)?;
                    Ok(())
                },
                print: |config| $crate::Value::print(&config.$field),
            }),+];
        }

        impl Default for $config {
            fn default() -> Self {
                Self {
                    $($field: $crate::Value::of_default($table.$field.default.unwrap_or_default()),)+
                    $($part: <$part_type>::default(),)*
                }
            }
        }
    };
}

/// The default of a row.
#[doc(hidden)]
#[macro_export]
macro_rules! default_of {
    (null) => {
        None
    };
    ($default:literal) => {
        Some($default)
    };
}

/// The range of a row.
#[doc(hidden)]
#[macro_export]
macro_rules! allowed {
    (any) => {
        $crate::Allowed::Any
    };
    (replicas) => {
        $crate::Allowed::Replicas
    };
    (fraction $low:literal ..= $high:literal) => {
        $crate::Allowed::Fraction($low, $high)
    };
    (each $($word:literal)|+) => {
        $crate::Allowed::Each(&[$($word),+])
    };
    (any_case $($word:literal)|+) => {
        $crate::Allowed::OneOfAnyCase(&[$($word),+])
    };
    (-1 | $low:literal ..= $high:literal) => {
        $crate::Allowed::MinusOneOrBetween($low, $high)
    };
    ($low:literal ..= $high:literal) => {
        $crate::Allowed::Between($low, $high)
    };
    ($low:literal ..) => {
        $crate::Allowed::AtLeast($low)
    };
    ($($word:literal)|+) => {
        $crate::Allowed::OneOf(&[$($word),+])
    };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{Allowed, Scope, Synonym};

    settings! {
        /// A table with every kind of range.
        pub(crate) struct Everything, keys EVERYTHING: EverythingKeys;

        /// How long
        /// it waits.
        ///
        /// More of it.
        wait: Duration, "wait.ms" | "pause.ms", Long, "5", [0..];
        /// Which level.
        level: i32, "level", Int, "-1", [-1 | 1..=9], scope: Scope::Dynamic,
            synonyms: &[Synonym { name: "levels", factor: 1 }];
        /// How many.
        count: u32, "count", Int, "3", [2..=4];
        /// Which part.
        part: f64, "part", Double, "0.5", [fraction 0.0..=1.0];
        /// One word.
        word: String, "word", String, "a", ["a" | "b"];
        /// One word in any case.
        loud: String, "loud", String, "A", [any_case "A" | "B"];
        /// A name, or none.
        name: Option<String>, "name", String, null, [any];
    }

    #[test]
    fn rows_become_fields_keys_and_defaults() {
        let config = Everything::default();
        assert_eq!((config.wait, config.level, config.count), (Duration::from_millis(5), -1, 3));
        assert_eq!((config.part, &*config.word, &*config.loud, config.name), (0.5, "a", "A", None));
        let key = EVERYTHING.wait;
        assert_eq!((key.name, key.aliases, key.default), ("wait.ms", &["pause.ms"][..], Some("5")));
        assert_eq!(key.summary(), "How long it waits.");
        assert_eq!(EVERYTHING.level.allowed, Allowed::MinusOneOrBetween(1, 9));
        assert_eq!((EVERYTHING.level.scope, EVERYTHING.level.synonyms.len()), (Scope::Dynamic, 1));
        assert_eq!(EVERYTHING.count.allowed, Allowed::Between(2, 4));
        assert_eq!(EVERYTHING.part.allowed, Allowed::Fraction(0.0, 1.0));
        assert_eq!(EVERYTHING.loud.allowed, Allowed::OneOfAnyCase(&["A", "B"]));
        assert_eq!(EVERYTHING.name.default, None);
    }

    #[test]
    fn a_row_checks_what_was_set_without_text() {
        let problem = |change: fn(&mut Everything)| {
            let mut config = Everything::default();
            change(&mut config);
            Everything::ROWS.iter().find_map(|row| row.check(&config).err()).map(|error| error.to_string())
        };
        assert_eq!(problem(|_| {}), None);
        assert_eq!(problem(|config| config.wait = Duration::MAX), None);
        assert_eq!(
            problem(|config| config.count = 9).as_deref(),
            Some("count=9: expected a whole number from 2 to 4")
        );
        assert_eq!(
            problem(|config| config.word = "c".to_owned()).as_deref(),
            Some("word=c: expected one of a, b")
        );
    }
}
