//! Lua scriptlets. rpm runs them itself, in its own process, so that the kernel sees no beginning and no end of them.
//!
//! rpm is asked to tell: `--eval` has it run a line of Lua before it does anything else, in the same Lua that its scriptlets
//! get (`rpmio/rpmlua.c`, `rpmluaGetGlobalState`). That line has Lua say when a script of rpm's own begins, by asking for a file
//! that nobody has and whose name the tracer reads. A script's name is what rpm has in its messages (`lib/rpmscript.c`,
//! `rpmScriptNew`). When it is over, however that came about, rpm goes back to the directory it was in (`runLuaScript`), with
//! `fchdir`, which no Lua scriptlet can call: rpm's `posix` has it not. 4.16 to 6.1 are alike in all of this.

/// Where the file would be.
const TOLD: &[u8] = b"/.rootcontract-lua/";

/// What has rpm tell. 37 is a percent sign, with which the names begin and macros do; nothing is above a script that rpm calls.
pub const TELL: &str = r#"--eval=%{lua:
local open, info = io.open, debug.getinfo
debug.sethook(function()
  local script = info(2, "S")
  if script.what == "main" and script.source:byte() == 37 and not info(3, "S") then
    local file = open("/.rootcontract-lua/" .. script.source)
    if file then file:close() end
  end
end, "c")
}"#;

/// The name of the scriptlet that begins, if that is what is told by asking for this file.
pub fn begun(path: &[u8]) -> Option<&[u8]> {
    path.strip_prefix(TOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scriptlet_is_told_of_by_the_name_of_a_file() {
        assert_eq!(begun(b"/.rootcontract-lua/%post(a-1-1.noarch)"), Some(b"%post(a-1-1.noarch)".as_slice()));
        assert_eq!(begun(b"/etc/.rootcontract-lua/%post(a-1-1.noarch)"), None);
        assert!(TELL.contains(std::str::from_utf8(TOLD).expect("text")));
    }
}
