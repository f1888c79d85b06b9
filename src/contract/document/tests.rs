use super::*;

fn good() -> Contract {
    Contract::parse("good.toml", include_bytes!("../../../fixtures/contract/good.toml")).expect("a contract")
}

#[test]
fn a_contract_becomes_a_document() {
    assert_eq!(markdown(&good(), "x86_64"), include_str!("../../../fixtures/contract/good.md"));
}

#[test]
fn clauses_about_other_architectures_are_counted_only() {
    let page = markdown(&good(), "riscv64");
    assert!(
        page.contains(
            "Version 1 of this contract, 1 clauses, after mine commit `0000000`, none.\n1 more are about other"
        )
    );
    assert!(!page.contains("device.null.number"), "{page}");
}

#[test]
fn the_checked_in_document_is_the_generated_one() {
    let profiles = ["osbuild-v190", "osbuild-v19", "hardened"];
    let contracts = profiles.map(|profile| Contract::builtin(profile).expect("a contract"));
    let page = whole(&contracts, "x86_64");
    assert!(
        page == include_str!("../../../conformance/CONTRACT.md"),
        "conformance/CONTRACT.md is stale: write `rootcontract contract` over it"
    );
}

#[test]
fn no_table_row_is_broken() {
    let page = include_str!("../../../conformance/CONTRACT.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 400);
    for row in rows {
        assert!(matches!(row.replace("\\|", "").matches('|').count(), 3 | 4), "{row}");
    }
}
