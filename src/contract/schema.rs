//! The JSON Schema of a contract file, for editors.

use serde_json::Value;

use super::Contract;

/// The schema, as a JSON document.
pub fn schema() -> Value {
    schemars::schema_for!(Contract).to_value()
}

#[cfg(test)]
mod tests;
