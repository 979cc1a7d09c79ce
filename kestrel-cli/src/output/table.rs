//! Table: rows of the same columns. Pure.

use serde_json::{Map, Value};

use super::{Cell, Paint};
use crate::options::Color;

/// What is between two columns.
const GAP: &str = "  ";

/// Rows of the same columns. A column's name is a key of JSON; people see it in capitals.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new<const COLUMNS: usize>(columns: [&'static str; COLUMNS]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a cell for each column.
    pub(crate) fn row<const COLUMNS: usize>(&mut self, cells: [Cell; COLUMNS]) {
        debug_assert_eq!(self.columns.len(), COLUMNS, "a cell for each column");
        self.rows.push(cells.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lines for people: aligned, numbers at the right.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let head: Vec<String> =
            self.columns.iter().map(|column| column.to_uppercase().replace('_', " ")).collect();
        let texts: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(Cell::to_text).collect()).collect();
        let layout: Vec<Column> = (0..self.columns.len()).map(|at| self.measure(at, &head, &texts)).collect();
        let mut rendered = line(&head, &layout, |_, text| paint.bold(text));
        for (row, texts) in self.rows.iter().zip(&texts) {
            rendered += &line(texts, &layout, |at, text| match row.get(at) {
                Some(cell) if cell.is_alarming() => paint.color(Color::Red, text),
                _ => text.to_owned(),
            });
        }
        rendered
    }

    /// Lines for programs: an object in each.
    pub(crate) fn json_lines(&self) -> String {
        self.objects().map(|object| format!("{object}\n")).collect()
    }

    /// The rows as objects.
    pub(super) fn objects(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().map(|row| {
            let fields = self.columns.iter().zip(row);
            Value::Object(
                fields.map(|(key, cell)| ((*key).to_owned(), cell.to_json())).collect::<Map<_, _>>(),
            )
        })
    }

    fn measure(&self, at: usize, head: &[String], texts: &[Vec<String>]) -> Column {
        let cells =
            texts.iter().chain([&head.to_vec()]).filter_map(|row| row.get(at)).map(|t| width(t)).max();
        let values = || self.rows.iter().filter_map(|row| row.get(at)).filter(|cell| **cell != Cell::Missing);
        Column {
            width: cells.unwrap_or_default(),
            is_right: values().next().is_some() && values().all(Cell::is_number),
        }
    }
}

/// How a column is laid out.
#[derive(Debug, Clone, Copy)]
struct Column {
    width: usize,
    is_right: bool,
}

/// A line of a table. Spaces go round the paint, and none at the end.
fn line(texts: &[String], layout: &[Column], paint: impl Fn(usize, &str) -> String) -> String {
    let mut written = String::new();
    for (at, (text, column)) in texts.iter().zip(layout).enumerate() {
        let padding = " ".repeat(column.width.saturating_sub(width(text)));
        let (before, after) = if column.is_right { (&*padding, "") } else { ("", &*padding) };
        written += if at == 0 { "" } else { GAP };
        written += before;
        written += &paint(at, text);
        written += after;
    }
    format!("{}\n", written.trim_end())
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["topic", "log_end", "size"]);
        table.row(["orders".into(), 5_i64.into(), Cell::Bytes(2_048)]);
        table.row(["größe".into(), 12_345_i64.into(), Cell::Missing]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        expect![[r"
            TOPIC   LOG END     SIZE
            orders        5  2.0 KiB
            größe     12345        -
        "]]
        .assert_eq(&table().render(Paint::NONE));
        assert_eq!(Table::new(["topic"]).render(Paint::NONE), "TOPIC\n");
    }

    #[test]
    fn programs_get_an_object_for_each_row() {
        expect![[r#"
            {"topic":"orders","log_end":5,"size":2048}
            {"topic":"größe","log_end":12345,"size":null}
        "#]]
        .assert_eq(&table().json_lines());
    }

    #[test]
    fn colours_are_not_measured() {
        let mut table = Table::new(["a", "b"]);
        table.row([Cell::from("x").alarming_if(true), "y".into()]);
        let painted = table.render(Paint::new(crate::options::When::Always, false));
        assert_eq!(painted, "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[31mx\x1b[0m  y\n");
    }
}
