use super::*;

#[test]
fn the_checked_in_schema_is_the_generated_one() {
    let kept: Value =
        serde_json::from_str(include_str!("../../../conformance/schema/contract.schema.json")).expect("JSON");
    assert!(kept == schema(), "conformance/schema/contract.schema.json is stale");
}

#[test]
fn the_built_in_contracts_follow_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    for (profile, text) in Contract::BUILTIN {
        let contract: Value = toml::from_str(text).expect("TOML");
        let errors: Vec<String> = validator
            .iter_errors(&contract)
            .map(|error| format!("{profile} {}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let bad =
        ["unknown-key", "unknown-level", "unknown-area", "unknown-form", "unknown-flag", "unknown-host-fact", "no-why"];
    for name in bad {
        let path = format!("{}/fixtures/contract/bad/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let contract: Value = toml::from_str(&std::fs::read_to_string(path).expect("a fixture")).expect("TOML");
        assert!(!validator.is_valid(&contract), "{name}");
    }
}
