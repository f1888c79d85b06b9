//! The JSON Schema of the document, made from the types.

use super::Document;

/// The JSON Schema (2020-12) of [`Document`]. The checked-in copy is `conformance/schema/facts.schema.json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}
