//! Page: what is known about one thing: fields, and tables of what belongs to it. Pure.

use serde_json::{Map, Value};

use super::{Cell, Paint, Table};
use crate::options::Color;

/// What is known about one thing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Page {
    fields: Vec<(&'static str, Cell)>,
    tables: Vec<(&'static str, Table)>,
}

impl Page {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a field.
    pub(crate) fn field(mut self, name: &'static str, cell: impl Into<Cell>) -> Self {
        self.fields.push((name, cell.into()));
        self
    }

    /// Adds a table of what belongs to it.
    pub(crate) fn table(mut self, name: &'static str, table: Table) -> Self {
        self.tables.push((name, table));
        self
    }

    /// Lines for people; a table without rows is left out.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let titles: Vec<String> = self.fields.iter().map(|(name, _)| name.replace('_', " ")).collect();
        let width = titles.iter().map(|title| title.chars().count()).max().unwrap_or_default();
        let mut rendered = String::new();
        for (title, (_, cell)) in titles.iter().zip(&self.fields) {
            let text = match cell.is_alarming() {
                true => paint.color(Color::Red, &cell.to_text()),
                false => cell.to_text(),
            };
            rendered += &format!("{}  {text}\n", paint.faint(&format!("{title:<width$}")));
        }
        for (_, table) in self.tables.iter().filter(|(_, table)| !table.is_empty()) {
            rendered += "\n";
            rendered += &table.render(paint);
        }
        rendered
    }

    /// A line for programs: one object, in which tables are lists.
    pub(crate) fn json_line(&self) -> String {
        let fields = self.fields.iter().map(|(name, cell)| ((*name).to_owned(), cell.to_json()));
        let tables = self.tables.iter().map(|(name, table)| ((*name).to_owned(), table.objects().collect()));
        format!("{}\n", Value::Object(fields.chain(tables).collect::<Map<_, _>>()))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn fields_come_before_tables() {
        let mut partitions = Table::new(["partition", "leader"]);
        partitions.row([0_i32.into(), 1_i32.into()]);
        let page = Page::new()
            .field("topic", "orders")
            .field("is_internal", false)
            .table("partitions", partitions)
            .table("configs", Table::new(["key"]));
        expect![[r"
            topic        orders
            is internal  no

            PARTITION  LEADER
                    0       1
        "]]
        .assert_eq(&page.render(Paint::NONE));
        expect![[r#"
            {"topic":"orders","is_internal":false,"partitions":[{"partition":0,"leader":1}],"configs":[]}
        "#]]
        .assert_eq(&page.json_line());
    }
}
