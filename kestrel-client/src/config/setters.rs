//! Makes tables and setters of the client's rows.
//!
//! The rows of a table are a macro of their own (`producer_settings!`), which hands them to the macro in its argument: `table!` where
//! the struct is, `setters!` there and in the room of the builder. So each setter has the row's documentation, name, range and
//! default. A row is one of `kestrel_settings::settings!`; after `=>` it may say what its setters take, `(id: impl Into<String> = id.into())`,
//! or that there are none, `(none)`.

/// Makes the struct and the keys of a table.
macro_rules! table {
    (
        $(#[$meta:meta])*
        $vis:vis struct $config:ident, keys $table:ident: $keys:ident $(, with $part:ident: $part_type:ty)*;
        {$(
            $(#[doc = $doc:literal])+
            $field:ident: $type:ty, $name:literal $(| $alias:literal)*, $value_type:ident, $default:tt, $allowed:tt
            $(=> $setter:tt)?;
        )+}
    ) => {
        kestrel_settings::settings! {
            $(#[$meta])*
            $vis struct $config, keys $table: $keys $(, with $part: $part_type)*;
            $(
                $(#[doc = $doc])+
                $field: $type, $name $(| $alias)*, $value_type, $default, $allowed;
            )+
        }
    };
}

/// Makes the setters of a table for a type that has its struct at a path: `[.config]`.
macro_rules! setters {
    (
        [$($generics:tt)*] $target:ty, $path:tt
        {$(
            $(#[doc = $doc:literal])+
            $field:ident: $type:ty, $name:literal $(| $alias:literal)*, $value_type:ident, $default:tt, [$($allowed:tt)+]
            $(=> $setter:tt)?;
        )+}
    ) => {
        impl<$($generics)*> $target {$(
            $crate::config::setters::setter! {
                $path $field: $type;
                #[doc = concat!($($doc, "\n",)+ "\nProperty `", $name, "`" $(, ", or `", $alias, "`")*, ", default ",
                    $crate::config::setters::words!($default), ", values `", stringify!($($allowed)+), "`.")];
                $($setter)?
            }
        )+}
    };
}

/// Makes one setter, or none.
macro_rules! setter {
    ($path:tt $field:ident: $type:ty; #[$doc:meta]; (none)) => {};
    ([$($path:tt)*] $field:ident: $type:ty; #[$doc:meta];) => {
        #[$doc]
        pub fn $field(mut self, $field: $type) -> Self {
            self$($path)*.$field = $field;
            self
        }
    };
    ([$($path:tt)*] $field:ident: $type:ty; #[$doc:meta]; ($argument:ident: $taken:ty = $value:expr)) => {
        #[$doc]
        pub fn $field(mut self, $argument: $taken) -> Self {
            self$($path)*.$field = $value;
            self
        }
    };
}

/// The default of a row in its documentation.
macro_rules! words {
    (null) => {
        "none"
    };
    ("") => {
        "none"
    };
    ($default:literal) => {
        concat!("`", $default, "`")
    };
}

pub(crate) use {setter, setters, table, words};
