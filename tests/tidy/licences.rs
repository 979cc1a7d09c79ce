//! The licences of everything that users of the crates get with them, and where it comes from.

use std::collections::BTreeSet;
use std::process::Command;

use crate::workspace;

/// Licences that ask for no more than a notice.
const ALLOWED: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that bring OpenSSL, or another cryptography in C than that of `ring`: docs say that nothing needs them.
const NEVER: [&str; 5] = ["aws-lc-sys", "boring-sys", "native-tls", "openssl", "openssl-sys"];

/// Whether one of the alternatives of an SPDX expression is allowed as a whole.
fn is_allowed(expression: &str) -> bool {
    // `/` is how `OR` was written once. No expression here has an `OR` inside of an `AND` but in parentheses.
    let expression = expression.replace('/', " OR ");
    expression.split(" AND ").all(|part| {
        part.trim_matches(['(', ')']).split(" OR ").any(|licence| ALLOWED.contains(&licence.trim()))
    })
}

#[test]
fn what_is_depended_on_may_be_used() {
    assert!(
        is_allowed("(MIT OR GPL-3.0) AND Zlib") && !is_allowed("MIT AND GPL-3.0") && !is_allowed("MPL-2.0")
    );
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).args(["tree", "--prefix=none", "--edges=normal,build", "--target=all"]);
    cargo
        .args(["--all-features", "--format={p}\t{l}"])
        .args(crate::CRATES.map(|name| format!("--package={name}")));
    let listed = cargo.output().expect("cargo runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).expect("names are text");
    let packages: BTreeSet<_> = listed.lines().filter_map(|line| line.split_once('\t')).collect();
    assert!(packages.len() > 50, "{listed}");
    for (package, licence) in packages {
        assert!(is_allowed(licence.trim_end_matches(" (*)")), "{package} has the licence `{licence}`");
        let is_ours = package.starts_with("kestrel-");
        assert!(is_ours || !package.contains("://"), "{package} does not come from the registry");
        assert!(is_ours || !package.contains('/'), "{package} does not come from the registry");
        assert!(
            !package.split(' ').next().is_some_and(|name| NEVER.contains(&name)),
            "{package} is never depended on"
        );
    }
}
