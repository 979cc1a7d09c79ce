//! A pass between a value and the writer of a format that refuses what the format's reader would not give back.
//!
//! `Json` and `Avro` write through it. It changes nothing that is written but one number, and looks at no text: each call
//! goes on to the writer behind, after a look at levels and, for JSON, at numbers, options and names.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt::Display;

use serde::ser::{self, Serialize, Serializer};

/// What is refused.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Levels of whatever has parts in each other: writers use the stack for each.
    pub(crate) max_levels: usize,
    /// What is said of more.
    pub(crate) too_deep: &'static str,
    /// Whether JSON is written: it has fewer numbers than Rust, one null for everything, and names in place of fields.
    pub(crate) is_json: bool,
}

/// Why a value was not written.
#[derive(Debug)]
pub(crate) struct Refusal<E> {
    pub(crate) error: E,
    /// The fields and numbers from the outside to the place; empty if it is the whole value.
    pub(crate) field: String,
    /// What could not be written.
    #[cfg_attr(not(feature = "avro"), expect(dead_code, reason = "only Avro has more to say about it"))]
    pub(crate) shape: Shape,
}

/// What was refused, as far as whoever mends the type wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Option,
    Sequence,
    Bytes,
    /// A level too many.
    Deep,
    Other,
}

/// Lets `value` write itself into `writer` within the rules.
pub(crate) fn write<T, S>(rules: &Rules, value: &T, writer: S) -> Result<S::Ok, Refusal<S::Error>>
where
    T: Serialize + ?Sized,
    S: Serializer,
{
    let path = Path { rules, steps: RefCell::default(), shape: Cell::new(None) };
    let place = Place { path: &path, level: 0, optional: false };
    value.serialize(Checked { inner: writer, place }).map_err(|error| path.refusal(error))
}

/// The one `f32` whose shortest text, read as an `f64` first, becomes its neighbour: fields beside a
/// `#[serde(flatten)]`, and tagged and untagged enums are read so. Without its sign.
const ROUNDED_TWICE: f32 = f32::from_bits(0x15ae_43fd);

/// What is known of an error, filled from its place outwards as it comes back.
struct Path<'r> {
    rules: &'r Rules,
    steps: RefCell<Vec<String>>,
    shape: Cell<Option<Shape>>,
}

impl Path<'_> {
    fn refusal<E>(self, error: E) -> Refusal<E> {
        let mut field = String::new();
        for step in self.steps.into_inner().iter().rev() {
            if !field.is_empty() && !step.starts_with('[') {
                field.push('.');
            }
            field.push_str(step);
        }
        Refusal { error, field, shape: self.shape.get().unwrap_or(Shape::Other) }
    }
}

/// Where in the document a value stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    path: &'p Path<'p>,
    /// Arrays and objects around it.
    level: usize,
    /// Whether it is in a `Some`, and so may not be null.
    optional: bool,
}

impl<'p> Place<'p> {
    fn deeper<E: ser::Error>(self) -> Result<Self, E> {
        let Rules { max_levels, too_deep, .. } = self.path.rules;
        if self.level == *max_levels {
            return self.asked(Shape::Deep, Err(E::custom(too_deep)));
        }
        Ok(Self { level: self.level + 1, optional: false, ..self })
    }

    fn null<E: ser::Error>(self) -> Result<(), E> {
        if self.optional && self.path.rules.is_json {
            return Err(E::custom("Some of a value that is null would be read back as None"));
        }
        Ok(())
    }

    /// This value here, for the writer behind.
    fn with<T: ?Sized>(self, value: &T) -> Here<'_, 'p, T> {
        Here { value, place: self }
    }

    fn finite<E: ser::Error>(self, value: f64) -> Result<(), E> {
        if value.is_finite() || !self.path.rules.is_json {
            return Ok(());
        }
        Err(E::custom(format_args!("JSON has no number {value}")))
    }

    /// Notes what was asked for when it was refused; the innermost counts.
    fn asked<R, E>(self, shape: Shape, result: Result<R, E>) -> Result<R, E> {
        if result.is_err() && self.path.shape.get().is_none() {
            self.path.shape.set(Some(shape));
        }
        result
    }

    /// Notes a step of the way to an error.
    fn note<R, E>(self, result: Result<R, E>, step: impl FnOnce() -> String) -> Result<R, E> {
        if result.is_err() {
            self.path.steps.borrow_mut().push(step());
        }
        result
    }
}

struct Here<'v, 'p, T: ?Sized> {
    value: &'v T,
    place: Place<'p>,
}

impl<T: Serialize + ?Sized> Serialize for Here<'_, '_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Checked { inner: serializer, place: self.place })
    }
}

/// A writer that is asked only for what can be read back.
struct Checked<'p, S> {
    inner: S,
    place: Place<'p>,
}

macro_rules! as_it_is {
    ($($name:ident($number:ty)),* $(,)?) => {
        $(fn $name(self, value: $number) -> Result<S::Ok, S::Error> {
            self.place.asked(Shape::Other, self.inner.$name(value))
        })*
    };
}

impl<'p, S: Serializer> Serializer for Checked<'p, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'p, S::SerializeSeq>;
    type SerializeTuple = Parts<'p, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'p, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'p, S::SerializeTupleVariant>;
    type SerializeMap = Entries<'p, S::SerializeMap>;
    type SerializeStruct = Fields<'p, S::SerializeStruct>;
    type SerializeStructVariant = Fields<'p, S::SerializeStructVariant>;

    as_it_is! {
        serialize_bool(bool), serialize_char(char), serialize_str(&str),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64), serialize_i128(i128),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_u128(u128),
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.place.finite(value.into())?;
        if self.place.path.rules.is_json && value.abs().to_bits() == ROUNDED_TWICE.to_bits() {
            return self.inner.serialize_f64(value.into());
        }
        self.place.asked(Shape::Other, self.inner.serialize_f32(value))
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.place.finite(value)?;
        self.place.asked(Shape::Other, self.inner.serialize_f64(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        self.place.asked(Shape::Bytes, self.inner.serialize_bytes(value))
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.place.null()?;
        self.place.asked(Shape::Option, self.inner.serialize_none())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let inside = Place { optional: true, ..self.place };
        self.place.asked(Shape::Option, self.inner.serialize_some(&inside.with(value)))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.place.null()?;
        self.place.asked(Shape::Other, self.inner.serialize_unit())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.place.null()?;
        self.place.asked(Shape::Other, self.inner.serialize_unit_struct(name))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.place.asked(Shape::Other, self.inner.serialize_unit_variant(name, index, variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.place.asked(Shape::Other, self.inner.serialize_newtype_struct(name, &self.place.with(value)))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let place = self.place.deeper()?;
        let written = self.inner.serialize_newtype_variant(name, index, variant, &place.with(value));
        place.note(place.asked(Shape::Other, written), || variant.to_owned())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let place = self.place.deeper()?;
        let inner = place.asked(Shape::Sequence, self.inner.serialize_seq(len))?;
        Ok(Parts::new(inner, place, None))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let place = self.place.deeper()?;
        let inner = place.asked(Shape::Other, self.inner.serialize_tuple(len))?;
        Ok(Parts::new(inner, place, None))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let place = self.place.deeper()?;
        let inner = place.asked(Shape::Other, self.inner.serialize_tuple_struct(name, len))?;
        Ok(Parts::new(inner, place, None))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        // The object with the variant's name, and the array in it.
        let place = self.place.deeper()?.deeper()?;
        let inner = self.inner.serialize_tuple_variant(name, index, variant, len);
        Ok(Parts::new(place.asked(Shape::Other, inner)?, place, Some(variant)))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let place = self.place.deeper()?;
        let may_repeat = len.is_none() && place.path.rules.is_json;
        Ok(Entries::new(place.asked(Shape::Other, self.inner.serialize_map(len))?, place, may_repeat))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        let place = self.place.deeper()?;
        let inner = place.asked(Shape::Other, self.inner.serialize_struct(name, len))?;
        Ok(Fields { inner, place, variant: None, first: None })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let place = self.place.deeper()?.deeper()?;
        let inner = self.inner.serialize_struct_variant(name, index, variant, len);
        let inner = place.asked(Shape::Other, inner)?;
        Ok(Fields { inner, place, variant: Some(variant), first: None })
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// The parts of an array.
struct Parts<'p, C> {
    inner: C,
    place: Place<'p>,
    variant: Option<&'static str>,
    index: usize,
}

impl<'p, C> Parts<'p, C> {
    fn new(inner: C, place: Place<'p>, variant: Option<&'static str>) -> Self {
        Self { inner, place, variant, index: 0 }
    }
}

macro_rules! parts {
    ($($compound:ident::$part:ident),*) => {
        $(impl<C: ser::$compound> ser::$compound for Parts<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let written = self.inner.$part(&self.place.with(value));
                let (index, variant) = (self.index, self.variant.unwrap_or_default());
                self.index += 1;
                self.place.note(self.place.asked(Shape::Other, written), || format!("{variant}[{index}]"))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

parts!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// The fields of a struct.
struct Fields<'p, C> {
    inner: C,
    place: Place<'p>,
    variant: Option<&'static str>,
    /// The tag of an enum, if there is one, comes before the fields of the struct that has it.
    first: Option<&'static str>,
}

macro_rules! fields {
    ($($compound:ident),*) => {
        $(impl<C: ser::$compound> ser::$compound for Fields<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), C::Error> {
                if self.first == Some(name) && self.place.path.rules.is_json {
                    return Err(twice(name));
                }
                self.first.get_or_insert(name);
                let written = self.inner.serialize_field(name, &self.place.with(value));
                self.place.note(self.place.asked(Shape::Other, written), || match self.variant {
                    Some(variant) => format!("{variant}.{name}"),
                    None => name.to_owned(),
                })
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

/// The entries of a map.
struct Entries<'p, C> {
    inner: C,
    place: Place<'p>,
    /// The names so far of a map that was begun without its size: a struct with `#[serde(flatten)]`, whose parts do not
    /// know of each other. A map that knows its size has each key once.
    names: Option<HashSet<String>>,
}

impl<'p, C> Entries<'p, C> {
    fn new(inner: C, place: Place<'p>, may_repeat: bool) -> Self {
        Self { inner, place, names: may_repeat.then(HashSet::new) }
    }

    fn once<K: Serialize + ?Sized, E: ser::Error>(&mut self, key: &K) -> Result<(), E> {
        let Some(names) = &mut self.names else { return Ok(()) };
        let name = text(key);
        if names.contains(&name) {
            return Err(twice(&name));
        }
        names.insert(name);
        Ok(())
    }
}

impl<C: ser::SerializeMap> ser::SerializeMap for Entries<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.once(key)?;
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.place.asked(Shape::Other, self.inner.serialize_value(&self.place.with(value)))
    }

    fn serialize_entry<K, V>(&mut self, key: &K, value: &V) -> Result<(), C::Error>
    where
        K: Serialize + ?Sized,
        V: Serialize + ?Sized,
    {
        self.serialize_key(key)?;
        let written = self.serialize_value(value);
        self.place.note(written, || text(key))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

/// A key as it stands in the document.
fn text<K: Serialize + ?Sized>(key: &K) -> String {
    let json = serde_json::to_string(key).unwrap_or_default();
    json.trim_matches('"').to_owned()
}

fn twice<E: ser::Error>(name: &str) -> E {
    E::custom(format_args!("the name {name} twice in one object"))
}
