//! Messages as JSON, there and back, and what is said of what does not fit.

use serde_json::json;

use super::*;
use crate::SerdeContext;

const SCHEMA: &str = r#"
    syntax = "proto3";
    enum Status { AUTOMATIC = 0; REVIEWED = 1; }
    message Station { string code = 1; float distance = 2; }
    message Quake {
        double magnitude = 1;
        int64 big_id = 2;
        bytes raw = 3;
        Status status = 4;
        repeated Station stations = 5;
        map<int32, string> notes = 6;
        oneof source { string agency = 7; uint32 sensor = 8; }
        optional bool felt = 9;
    }
"#;

fn there_and_back(json: &Value) -> Result<Value, String> {
    let format = ProtobufJson::from_proto(SCHEMA, "Quake").unwrap().own_writer().unwrap();
    let (ctx, mut out) = (SerdeContext::value("t"), BytesMut::new());
    format.serialize(&mut ctx.writing(), json, &mut out).map_err(|error| format!("{error:#}"))?;
    Ok(format.deserialize(&ctx.reading(), &out.freeze()).unwrap())
}

#[test]
fn messages_come_back_as_they_were() {
    let whole = json!({
        "magnitude": 4.7, "big_id": 9_007_199_254_740_993_i64, "raw": "AP8=", "status": "REVIEWED",
        "stations": [{"code": "KUSH", "distance": 40.1}], "notes": {"-1": "a", "7": "b"}, "sensor": 7, "felt": false
    });
    assert_eq!(there_and_back(&whole), Ok(whole));
    let empty =
        json!({"magnitude": 0.0, "big_id": 0, "raw": "", "status": "AUTOMATIC", "stations": [], "notes": {}});
    assert_eq!(there_and_back(&json!({})), Ok(empty));
}

#[test]
fn protobufs_own_json_is_read_too() {
    let read = there_and_back(
        &json!({"bigId": "9007199254740993", "magnitude": "NaN", "status": 7, "agency": null}),
    )
    .unwrap();
    assert_eq!((&read["big_id"], &read["magnitude"]), (&json!(9_007_199_254_740_993_i64), &json!("NaN")));
    assert_eq!(read["status"], json!(7), "a number that has no name stays one");
    assert_eq!(read.get("agency"), None);
}

#[test]
fn what_does_not_fit_says_where() {
    for (value, reason) in [
        (json!({"magnitud": 1}), "the message Quake has no field magnitud"),
        (json!({"stations": [{"code": 7}]}), ".stations[0].code: 7 is no string"),
        (json!({"agency": "usgs", "sensor": 7}), "the message Quake has agency or sensor, and not both"),
        (json!({"notes": {"x": "a"}}), ".notes.x: this is no key of the map"),
        (json!({"raw": "?"}), ".raw: \"?\" is no bytes"),
        (json!([]), "a message Quake is an object"),
    ] {
        let error = there_and_back(&value).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}
