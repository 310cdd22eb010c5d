//! Builds the UI in `web/` into Cargo's output directory, where the binary embeds it from. Without npm, or
//! when the UI does not build, one page is embedded that says how to get it; the build itself goes on, unless
//! `YAMABIKO_REQUIRE_UI` is set, as for what is shipped.
//!
//! The sources are copied first: npm writes `node_modules` beside them, and the tree stays clean.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// What npm makes or what the UI does not need to be built.
const LEFT_OUT: [&str; 5] = ["node_modules", "dist", "e2e", "test-results", "tag"];

fn main() {
    println!("cargo::rerun-if-changed=web");
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rerun-if-env-changed=YAMABIKO_SKIP_UI");
    println!("cargo::rerun-if-env-changed=YAMABIKO_REQUIRE_UI");
    // Functions of libcurl that are led through `src/wire/libcurl.rs`, which says why.
    for function in [
        "Curl_retry_request",
        "Curl_client_write",
        "Curl_cpool_conn_seems_healthy",
        "Curl_bufq_init2",
        "curl_easy_setopt",
    ] {
        println!("cargo::rustc-link-arg=-Wl,--wrap={function}");
    }
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else {
        println!("cargo::error=cargo did not say where to put the UI (OUT_DIR)");
        return;
    };
    let target = out.join("ui");
    if let Err(reason) = build(&out, &target) {
        if env::var_os("YAMABIKO_REQUIRE_UI").is_some() {
            println!("cargo::error=the web interface could not be built: {reason}");
            return;
        }
        println!(
            "cargo::warning=the UI is not built in ({reason}); the binary serves a page that says how to get it"
        );
        if let Err(error) = write_page(&target) {
            println!("cargo::error=cannot write {}: {error}", target.display());
        }
    }
}

fn build(out: &Path, target: &Path) -> Result<(), String> {
    let web = Path::new("web");
    if env::var_os("YAMABIKO_SKIP_UI").is_some() {
        return Err("YAMABIKO_SKIP_UI is set".into());
    }
    if !web.join("package.json").is_file() {
        return Err("there is no web/package.json".into());
    }
    let copy = out.join("web");
    copy_tree(web, &copy).map_err(|error| format!("web cannot be copied: {error}"))?;
    let lock = fs::read(copy.join("package-lock.json")).unwrap_or_default();
    let installed = copy.join("node_modules/.installed-lock");
    if fs::read(&installed).ok().as_deref() != Some(lock.as_slice()) {
        npm(&copy, &["ci", "--no-audit", "--no-fund"])?;
        fs::write(&installed, &lock).map_err(|error| format!("{}: {error}", installed.display()))?;
    }
    remove(target).map_err(|error| format!("{}: {error}", target.display()))?;
    npm(
        &copy,
        &[
            "run",
            "build",
            "--",
            "--outDir",
            &target.to_string_lossy(),
            "--emptyOutDir",
        ],
    )?;
    if target.join("index.html").is_file() {
        Ok(())
    } else {
        Err("the build made no index.html".into())
    }
}

fn npm(dir: &Path, arguments: &[&str]) -> Result<(), String> {
    // What npm prints would be taken for instructions to Cargo.
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| format!("npm cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(3)
        .collect();
    Err(format!(
        "npm {} failed: {}",
        arguments.join(" "),
        last.into_iter().rev().collect::<Vec<_>>().join(" / ")
    ))
}

/// Copies what changed and removes what is gone, except for what npm has made.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        let is_left_out = LEFT_OUT.iter().any(|name| entry.file_name() == *name);
        if !is_left_out && !from.join(entry.file_name()).exists() {
            remove(&entry.path())?;
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_page(target: &Path) -> io::Result<()> {
    remove(target)?;
    fs::create_dir_all(target)?;
    fs::write(target.join("index.html"), PAGE)
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Yamabiko</title>
<h1>Yamabiko</h1>
<p>The server is running. This binary was built without the user interface, because npm was not there or the
interface did not build; the warning of <code>cargo build</code> says which.</p>
<p>Install Node.js 20 or later with npm and run <code>cargo build --release</code> again, or use a released
binary. Everything else works: links, conversions, postbacks, the API (<code>/api/openapi.json</code>) and the
commands.</p>
<section lang="ja">
<p>サーバーは動作しています。ビルド時にnpmがなかったか、画面のビルドに失敗したため、このバイナリには管理画面が含まれていません。
原因は<code>cargo build</code>の警告に表示されます。</p>
<p>Node.js 20以降とnpmを入れて<code>cargo build --release</code>をやり直すか、配布されているバイナリをお使いください。
クリックURL、成果、ポストバック、API（<code>/api/openapi.json</code>）、コマンドはそのまま使えます。</p>
</section>
</html>
"#;
