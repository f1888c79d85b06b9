//! The JSON Schema of the document, made from the types.

use super::Document;

/// The JSON Schema (2020-12) of [`Document`]. The checked-in copy is `conformance/schema/facts.schema.json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const KEPT: &str = include_str!("../../conformance/schema/facts.schema.json");

    /// A document of this machine, as the probe makes it.
    fn document() -> Value {
        let probe = crate::probe::sample("0123456789abcdef");
        serde_json::to_value(Document::new(None, probe)).expect("a document is JSON")
    }

    #[test]
    fn the_kept_schema_is_the_one_made_from_the_types() {
        let kept: Value = serde_json::from_str(KEPT).expect("the kept schema is JSON");
        assert_eq!(kept, schema(), "run 'rootcontract schema facts > conformance/schema/facts.schema.json'");
    }

    #[test]
    fn what_the_probe_tells_fits_the_schema() {
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        let errors: Vec<String> = validator.iter_errors(&document()).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }

    #[test]
    fn what_is_not_a_document_does_not_fit() {
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        for (pointer, value) in [
            ("/schema", json!("rootcontract.facts/2")),
            ("/probe/mode", json!("aggressive")),
            ("/probe/mounts", json!({"/": {"flags": []}})),
            ("/probe/process/umask", json!(18)),
            ("/probe/limits/nofile/soft", json!("unlimited")),
            ("/probe/proc/entries/~1proc~1keys", json!("r")),
            ("/probe/hostname", json!({"what": "uname"})),
            ("/launch", json!({"profile": "osbuild-v190"})),
        ] {
            let mut document = document();
            *document.pointer_mut(pointer).expect("the document has this") = value;
            assert!(!validator.is_valid(&document), "{pointer}");
            assert!(serde_json::from_value::<Document>(document).is_err(), "{pointer}");
        }
    }
}
