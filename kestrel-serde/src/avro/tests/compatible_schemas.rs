//! What kestrel-schema calls compatible is read by kestrel-serde: random pairs of schemas, with random data.

use std::collections::BTreeMap;

use apache_avro::types::Value;
use bytes::BytesMut;
use kestrel_schema::Budget;
use kestrel_schema::avro::AvroSchema;

use crate::{Avro, Deserializer, SerdeContext, Serializer};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn hits(&mut self, one_in: usize) -> bool {
        self.roll(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

#[derive(Debug, Clone)]
enum Shape {
    Primitive(&'static str),
    Array(Box<Self>),
    Map(Box<Self>),
    Union(Vec<Self>),
    Record {
        name: String,
        alias: Option<String>,
        fields: Vec<Field>,
    },
    Enum {
        name: String,
        symbols: Vec<&'static str>,
        default: Option<&'static str>,
    },
    Fixed {
        name: String,
        size: usize,
    },
    /// A record that this is inside of.
    Again(String),
}

#[derive(Debug, Clone)]
struct Field {
    name: String,
    alias: Option<String>,
    shape: Shape,
    default: bool,
}

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
const SYMBOLS: [&str; 4] = ["A", "B", "C", "D"];

/// Makes shapes; each type has a name of its own, by the order in which it is made.
struct Maker<'a> {
    dice: &'a mut Dice,
    made: usize,
    around: Vec<String>,
}

impl Maker<'_> {
    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    fn shape(&mut self, depth: usize) -> Shape {
        let sides = if depth == 0 { 8 } else { 16 };
        match self.dice.roll(sides) {
            0..=7 => Shape::Primitive(self.dice.pick(&PRIMITIVES)),
            8 => Shape::Array(Box::new(self.shape(depth - 1))),
            9 => Shape::Map(Box::new(self.shape(depth - 1))),
            10 => Shape::Enum {
                name: self.name("E"),
                symbols: SYMBOLS[..1 + self.dice.roll(4)].to_vec(),
                default: None,
            },
            11 => Shape::Fixed { name: self.name("F"), size: self.dice.roll(5) },
            12 | 13 => self.union(depth),
            _ => self.record(depth),
        }
    }

    fn union(&mut self, depth: usize) -> Shape {
        let mut branches: Vec<Shape> = vec![Shape::Primitive("null")];
        if let Some(name) = self.around.last().filter(|_| self.dice.hits(3)) {
            branches.push(Shape::Again(name.clone()));
        }
        for _ in 0..self.dice.roll(4) {
            let branch = self.shape(depth - 1);
            let kind = |shape: &Shape| match shape {
                Shape::Primitive(word) => (*word).to_owned(),
                Shape::Record { name, .. }
                | Shape::Enum { name, .. }
                | Shape::Fixed { name, .. }
                | Shape::Again(name) => name.clone(),
                Shape::Array(_) => "array".to_owned(),
                Shape::Map(_) => "map".to_owned(),
                Shape::Union(_) => "union".to_owned(),
            };
            if kind(&branch) != "union" && !branches.iter().any(|known| kind(known) == kind(&branch)) {
                branches.push(branch);
            }
        }
        Shape::Union(branches)
    }

    fn record(&mut self, depth: usize) -> Shape {
        let name = self.name("R");
        self.around.push(name.clone());
        let fields = (0..1 + self.dice.roll(4)).map(|index| {
            let shape = self.shape(depth - 1);
            Field { name: format!("f{index}"), alias: None, shape, default: false }
        });
        let fields = fields.collect();
        self.around.pop();
        Shape::Record { name, alias: None, fields }
    }

    /// The same shape, with something changed here and there.
    fn changed(&mut self, shape: &Shape) -> Shape {
        if self.dice.hits(40) {
            return self.shape(1);
        }
        if self.dice.hits(15) && !matches!(shape, Shape::Union(_) | Shape::Primitive("null")) {
            return Shape::Union(vec![Shape::Primitive("null"), shape.clone()]);
        }
        match shape {
            Shape::Primitive(word) if self.dice.hits(4) => Shape::Primitive(match *word {
                "int" => "long",
                "long" => "float",
                "float" => "double",
                "bytes" => "string",
                "string" => "bytes",
                other => other,
            }),
            Shape::Array(items) => Shape::Array(Box::new(self.changed(items))),
            Shape::Map(values) => Shape::Map(Box::new(self.changed(values))),
            Shape::Union(branches) => self.changed_union(branches),
            Shape::Record { name, fields, .. } => self.changed_record(name, fields),
            Shape::Enum { name, symbols, .. } => self.changed_enum(name, symbols),
            other => other.clone(),
        }
    }

    fn changed_union(&mut self, branches: &[Shape]) -> Shape {
        let mut branches = branches.to_vec();
        if self.dice.hits(3) {
            branches.rotate_left(1);
        }
        if self.dice.hits(8) && branches.len() > 1 {
            branches.pop();
        }
        if let [Shape::Primitive("null"), Shape::Primitive("int")] = branches[..] {
            branches[1] = Shape::Primitive(self.dice.pick(&["int", "long", "double"]));
        }
        Shape::Union(branches)
    }

    fn changed_record(&mut self, name: &str, fields: &[Field]) -> Shape {
        let mut changed: Vec<Field> =
            fields.iter().map(|field| Field { shape: self.changed(&field.shape), ..field.clone() }).collect();
        if self.dice.hits(3) && !changed.is_empty() {
            changed.remove(self.dice.roll(fields.len()));
        }
        if self.dice.hits(3) {
            changed.reverse();
        }
        if let Some(first) = changed.first_mut().filter(|_| self.dice.hits(4)) {
            first.alias = Some(std::mem::replace(&mut first.name, "renamed".to_owned()));
        }
        if self.dice.hits(3) {
            let (shape, default) = (Shape::Primitive(self.dice.pick(&PRIMITIVES)), !self.dice.hits(6));
            changed.push(Field { name: "added".to_owned(), alias: None, shape, default });
        }
        let is_again_inside = format!("{fields:?}").contains("Again(");
        let renames = self.dice.hits(6) && !is_again_inside;
        let (new, alias) =
            if renames { (format!("New{name}"), Some(name.to_owned())) } else { (name.to_owned(), None) };
        Shape::Record { name: new, alias, fields: changed }
    }

    fn changed_enum(&mut self, name: &str, symbols: &[&'static str]) -> Shape {
        let mut symbols = symbols.to_vec();
        if self.dice.hits(3) && symbols.len() > 1 {
            symbols.pop();
        }
        if self.dice.hits(3) {
            symbols.reverse();
        }
        let default = self.dice.hits(2).then(|| symbols[0]);
        Shape::Enum { name: name.to_owned(), symbols, default }
    }
}

fn json(shape: &Shape) -> serde_json::Value {
    use serde_json::json;
    match shape {
        Shape::Primitive(word) => json!(word),
        Shape::Again(name) => json!(name),
        Shape::Array(items) => json!({"type": "array", "items": json(items)}),
        Shape::Map(values) => json!({"type": "map", "values": json(values)}),
        Shape::Union(branches) => branches.iter().map(json).collect(),
        Shape::Fixed { name, size } => json!({"type": "fixed", "name": name, "size": size}),
        Shape::Enum { name, symbols, default: None } => {
            json!({"type": "enum", "name": name, "symbols": symbols})
        }
        Shape::Enum { name, symbols, default } => {
            json!({"type": "enum", "name": name, "symbols": symbols, "default": default})
        }
        Shape::Record { name, alias, fields } => {
            let fields: Vec<_> = fields.iter().map(field_json).collect();
            json!({"type": "record", "name": name, "aliases": alias.as_slice(), "fields": fields})
        }
    }
}

fn field_json(field: &Field) -> serde_json::Value {
    use serde_json::json;
    let mut made = json!({"name": field.name, "type": json(&field.shape), "aliases": field.alias.as_slice()});
    if let (true, Shape::Primitive(word)) = (field.default, &field.shape) {
        made["default"] = match *word {
            "null" => json!(null),
            "boolean" => json!(true),
            "bytes" | "string" => json!("x"),
            _ => json!(1),
        };
    }
    made
}

/// A random value of a shape; `records` are those that it may contain again.
fn value(dice: &mut Dice, shape: &Shape, records: &mut BTreeMap<String, Shape>, depth: usize) -> Value {
    match shape {
        Shape::Primitive("null") => Value::Null,
        Shape::Primitive("boolean") => Value::Boolean(dice.hits(2)),
        Shape::Primitive("int") => Value::Int(i32::try_from(dice.roll(1000)).unwrap() - 500),
        Shape::Primitive("long") => Value::Long(i64::try_from(dice.roll(100_000)).unwrap() - 50_000),
        Shape::Primitive("float") => Value::Float(0.5),
        Shape::Primitive("double") => Value::Double(0.25),
        Shape::Primitive("bytes") => Value::Bytes(b"bytes"[..dice.roll(6)].to_vec()),
        Shape::Primitive(_) => Value::String("text"[..dice.roll(5)].to_owned()),
        Shape::Array(items) => {
            let count = if depth == 0 { 0 } else { dice.roll(3) };
            Value::Array((0..count).map(|_| value(dice, items, records, depth - 1)).collect())
        }
        Shape::Map(values) => {
            let count = if depth == 0 { 0 } else { dice.roll(3) };
            Value::Map(
                (0..count).map(|key| (format!("k{key}"), value(dice, values, records, depth - 1))).collect(),
            )
        }
        Shape::Union(branches) => {
            let index = if depth == 0 { 0 } else { dice.roll(branches.len()) };
            let branch = value(dice, &branches[index], records, depth.saturating_sub(1));
            Value::Union(u32::try_from(index).unwrap(), Box::new(branch))
        }
        Shape::Enum { symbols, .. } => {
            let index = dice.roll(symbols.len());
            Value::Enum(u32::try_from(index).unwrap(), symbols[index].to_owned())
        }
        Shape::Fixed { size, .. } => Value::Fixed(*size, vec![7; *size]),
        Shape::Again(name) => {
            let record = records[name].clone();
            value(dice, &record, records, depth.saturating_sub(1))
        }
        Shape::Record { name, fields, .. } => {
            records.insert(name.clone(), shape.clone());
            let fields =
                fields.iter().map(|field| (field.name.clone(), value(dice, &field.shape, records, depth)));
            Value::Record(fields.collect())
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    compatible: usize,
    incompatible: usize,
    refused_data: usize,
}

fn judge(seed: u64, tally: &mut Tally) {
    let dice = &mut Dice(seed);
    let mut maker = Maker { dice, made: 0, around: Vec::new() };
    let written = maker.record(3);
    let read = maker.changed(&written);
    let (writer, reader) = (json(&written).to_string(), json(&read).to_string());
    let parsed =
        |text: &str| AvroSchema::parse(text, &[]).unwrap_or_else(|e| panic!("seed {seed}: {text}: {e}"));
    let found = parsed(&reader).incompatibilities(&parsed(&writer), &mut Budget::default()).unwrap();
    let is_compatible = found.is_empty();
    *(if is_compatible { &mut tally.compatible } else { &mut tally.incompatible }) += 1;

    let context = || format!("seed {seed}\nwriter {writer}\nreader {reader}\nfound {found:?}");
    let ctx = SerdeContext::value("random");
    let writing = Avro::parse(&writer).unwrap_or_else(|e| panic!("{}: {e:#}", context()));
    let resolved = Avro::parse(&reader).and_then(|reading| reading.writer_schema(writing.schema()));
    let reading = match resolved {
        Ok(reading) => reading.values(),
        Err(error) => {
            assert!(!is_compatible, "{}\n{error:#}", context());
            tally.refused_data += 1;
            return;
        }
    };
    for _ in 0..5 {
        let datum = value(dice, &written, &mut BTreeMap::new(), 4);
        let mut out = BytesMut::new();
        writing
            .values()
            .serialize(&mut ctx.writing(), &datum, &mut out)
            .unwrap_or_else(|e| panic!("{}: {e:#}", context()));
        if let Err(error) = reading.deserialize(&ctx.reading(), &out.freeze()) {
            assert!(!is_compatible, "{}\n{datum:?}\n{error:#}", context());
            tally.refused_data += 1;
        }
    }
}

#[test]
fn what_is_compatible_is_read() {
    let mut tally = Tally::default();
    for seed in 0..3000 {
        judge(seed, &mut tally);
    }
    // The pairs are of both kinds, and where the verdict is no, data show why.
    assert!(tally.compatible > 500 && tally.incompatible > 500 && tally.refused_data > 300, "{tally:?}");
}
