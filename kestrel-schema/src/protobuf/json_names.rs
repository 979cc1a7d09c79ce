//! Takes out of a descriptor the JSON names that linking has filled in: only what somebody wrote belongs to a schema.

use prost_reflect::{DynamicMessage, Value};

/// The descriptor of a file without the JSON names that say nothing new.
pub(super) fn without_defaults(mut file: DynamicMessage) -> DynamicMessage {
    each(&mut file, "extension", &drop_default);
    each(&mut file, "message_type", &in_message);
    file
}

fn in_message(message: &mut DynamicMessage) {
    each(message, "field", &drop_default);
    each(message, "extension", &drop_default);
    each(message, "nested_type", &in_message);
}

fn each(message: &mut DynamicMessage, field: &str, change: &dyn Fn(&mut DynamicMessage)) {
    if !message.has_field_by_name(field) {
        return;
    }
    let list = message.get_field_by_name_mut(field).and_then(Value::as_list_mut);
    list.into_iter().flatten().filter_map(Value::as_message_mut).for_each(change);
}

fn drop_default(field: &mut DynamicMessage) {
    let text = |name: &str| field.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned));
    let is_default = text("name").map(|name| json_name(&name)) == text("json_name");
    // Extensions are named by their full names in brackets.
    if is_default || field.has_field_by_name("extendee") {
        field.clear_field_by_name("json_name");
    }
}

/// The JSON name of a field that says none: without underscores, and a capital letter after each.
fn json_name(name: &str) -> String {
    let mut json_name = String::with_capacity(name.len());
    let mut is_after_underscore = false;
    for c in name.chars() {
        match c {
            '_' => is_after_underscore = true,
            _ if std::mem::take(&mut is_after_underscore) => json_name.push(c.to_ascii_uppercase()),
            _ => json_name.push(c),
        }
    }
    json_name
}
