//! Macros that scriptlets are written with, and that not every machine's rpm has.

use std::collections::BTreeSet;

/// Macros that make scriptlets or parts of them, by what brings them: packages of Fedora, and openSUSE.
const KNOWN: [(&str, &[&str]); 5] = [
    (
        "systemd-rpm-macros",
        &[
            "binfmt_apply",
            "journal_catalog_update",
            "sysctl_apply",
            "systemd_ordering",
            "systemd_post",
            "systemd_postun",
            "systemd_postun_with_reload",
            "systemd_postun_with_restart",
            "systemd_preun",
            "systemd_requires",
            "systemd_user_daemon_reexec",
            "systemd_user_post",
            "systemd_user_postun",
            "systemd_user_postun_with_reload",
            "systemd_user_postun_with_restart",
            "systemd_user_preun",
            "sysusers_create",
            "sysusers_create_compat",
            "sysusers_create_inline",
            "sysusers_create_package",
            "sysusers_requires_compat",
            "tmpfiles_create",
            "tmpfiles_create_package",
            "udev_hwdb_update",
            "udev_rules_update",
        ],
    ),
    (
        "selinux-policy",
        &[
            "selinux_modules_install",
            "selinux_modules_uninstall",
            "selinux_relabel_post",
            "selinux_relabel_pre",
            "selinux_requires",
            "selinux_set_booleans",
            "selinux_unset_booleans",
        ],
    ),
    ("redhat-rpm-config", &["ldconfig", "ldconfig_post", "ldconfig_postun", "ldconfig_scriptlets"]),
    ("GConf2", &["gconf_schema_prepare", "gconf_schema_remove", "gconf_schema_upgrade"]),
    (
        "openSUSE's macros",
        &[
            "desktop_database_post",
            "desktop_database_postun",
            "fillup_and_insserv",
            "fillup_only",
            "icon_theme_cache_post",
            "icon_theme_cache_postun",
            "install_info",
            "install_info_delete",
            "regenerate_initrd_post",
            "regenerate_initrd_posttrans",
            "restart_on_update",
            "service_add_post",
            "service_add_pre",
            "service_del_postun",
            "service_del_postun_without_restart",
            "service_del_preun",
            "set_permissions",
            "stop_on_removal",
            "verify_permissions",
        ],
    ),
];

/// Macros that a spec uses and the rpm that read it has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What brings them.
    pub package: &'static str,
    /// Their names.
    pub names: Vec<&'static str>,
}

/// What expands to the names of those that the spec uses, does not define itself, and rpm has not.
pub fn question(spec: &[u8]) -> String {
    let (used, defined) = (names(spec, used), names(spec, defined));
    let asked = known().filter(|name| used.contains(name.as_bytes()) && !defined.contains(name.as_bytes()));
    asked.map(|name| format!("%{{!?{name}:{name} }}")).collect()
}

/// Those that were named in the answer.
pub fn answer(said: &str) -> Vec<Missing> {
    let said: BTreeSet<&str> = said.split_whitespace().collect();
    let missing = KNOWN.into_iter().map(|(package, names)| {
        let names = names.iter().copied().filter(|name| said.contains(name)).collect();
        Missing { package, names }
    });
    missing.filter(|missing| !missing.names.is_empty()).collect()
}

fn known() -> impl Iterator<Item = &'static str> {
    KNOWN.into_iter().flat_map(|(_, names)| names).copied()
}

/// The names that `of` finds after each `%` of a spec; comments have none.
fn names(spec: &[u8], of: fn(&[u8]) -> Option<&[u8]>) -> BTreeSet<&[u8]> {
    let lines = spec.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii_start().starts_with(b"#"));
    lines.flat_map(|line| line.split(|&byte| byte == b'%').skip(1).filter_map(of)).collect()
}

/// `%name`, `%{name …}`, `%{?name}`, `%{!?name:…}`.
fn used(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"{").unwrap_or(rest);
    let start = rest.iter().position(|byte| !matches!(byte, b'!' | b'?'))?;
    word(&rest[start..])
}

/// `%define name`, `%global name`.
fn defined(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"{").unwrap_or(rest);
    let rest = rest.strip_prefix(b"define").or_else(|| rest.strip_prefix(b"global"))?;
    word(rest.trim_ascii_start())
}

fn word(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("%systemd_post x", &["systemd_post"])]
    #[case::in_braces("%{tmpfiles_create x}%{?ldconfig}", &["tmpfiles_create", "ldconfig"])]
    #[case::within_another("%{!?a:%systemd_preun x}", &["systemd_preun"])]
    #[case::negated("%{!?!systemd_postun:x}", &["systemd_postun"])]
    #[case::defined("%global systemd_post x\n%systemd_post", &[])]
    #[case::in_a_comment("  # %systemd_post", &[])]
    #[case::only_begins_like_it("%systemd_posts %{systemd_post2}", &[])]
    fn rpm_is_asked_about_what_a_spec_uses(#[case] spec: &str, #[case] asked: &[&str]) {
        let mut asked = asked.to_vec();
        asked.sort_by_key(|name| known().position(|known| known == *name));
        let expected: String = asked.iter().map(|name| format!("%{{!?{name}:{name} }}")).collect();
        assert_eq!(question(spec.as_bytes()), expected);
    }

    #[test]
    fn what_is_missing_is_told_by_what_brings_it() {
        let told = answer("systemd_preun systemd_post something set_permissions \n");
        let of_systemd = Missing { package: "systemd-rpm-macros", names: vec!["systemd_post", "systemd_preun"] };
        let of_suse = Missing { package: "openSUSE's macros", names: vec!["set_permissions"] };
        assert_eq!(told, [of_systemd, of_suse]);
    }
}
