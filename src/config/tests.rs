use super::keys::KEYS;
use super::*;
use std::collections::BTreeSet;

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("yamabiko.toml");
    std::fs::write(&path, text).unwrap();
    (
        directory,
        Sources {
            file: Some(path),
            ..Sources::default()
        },
    )
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn flag(key: &str, value: &str) -> Flag {
    Flag {
        flag: format!("--{key}"),
        key: key.into(),
        value: value.into(),
    }
}

fn mistakes(text: &str) -> Vec<String> {
    let (directory, sources) = file(text);
    let prefix = format!("{}/", directory.path().display());
    load(&sources)
        .unwrap_err()
        .mistakes
        .iter()
        .map(|m| m.to_string().replace(&prefix, ""))
        .collect()
}

#[test]
fn a_setting_is_written_into_a_file_without_touching_the_rest() {
    for (text, expected) in [
        ("", "\n\n[acme]\nenabled = true\n"),
        ("listen = \"x\"\n", "listen = \"x\"\n\n[acme]\nenabled = true\n"),
        (
            "[acme]\n# Says.\n#enabled = false\n\n[tls]\n",
            "[acme]\n# Says.\nenabled = true\n\n[tls]\n",
        ),
        ("[acme]\nenabled=false\n", "[acme]\nenabled = true\n"),
        (
            "[acme]\nenabled_too = 1\n",
            "[acme]\nenabled = true\nenabled_too = 1\n",
        ),
        (
            "[watchdog]\nenabled = false\n[acme]\n[tls]\n#enabled = 1\n",
            "[watchdog]\nenabled = false\n[acme]\nenabled = true\n[tls]\n#enabled = 1\n",
        ),
    ] {
        assert_eq!(
            with_setting(text, "acme", "enabled", "true"),
            expected,
            "{text:?}"
        );
    }
    let whole = with_setting(&example_toml(), "acme", "domains", "[\"a.example\"]");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("yamabiko.toml");
    std::fs::write(&file, whole).unwrap();
    let sources = Sources {
        file: Some(file),
        ..Sources::default()
    };
    assert_eq!(load(&sources).unwrap().config.acme.domains, ["a.example"]);
}

#[test]
fn the_defaults_are_valid_and_complete() {
    let effective = load(&Sources::default()).unwrap();
    assert_eq!(effective.config.listen, "0.0.0.0:8080".parse().unwrap());
    assert_eq!(effective.config.data_dir, PathBuf::from("./data"));
    assert_eq!(
        effective.config.retention,
        Retention {
            sessions_days: 90,
            activities_days: 730,
            attempts_days: 30,
            visitors_days: 730,
            refused_days: 30,
        }
    );
    assert!(effective.settings().iter().all(|s| s.origin == Origin::Default));
    assert_eq!(effective.settings().len(), KEYS.len());
}

#[test]
fn keys_defaults_and_types_speak_of_the_same_settings() {
    let config = serde_json::to_value(load(&Sources::default()).unwrap().config).unwrap();
    let mut fields = BTreeSet::new();
    for (name, value) in config.as_object().unwrap() {
        match value.as_object() {
            Some(section) => fields.extend(section.keys().map(|key| format!("{name}.{key}"))),
            None => {
                fields.insert(name.clone());
            }
        }
    }
    let keys: BTreeSet<String> = KEYS.iter().map(|k| k.path.to_owned()).collect();
    assert_eq!(keys, fields);
    let variables: BTreeSet<String> = KEYS.iter().map(|k| k.variable()).collect();
    assert_eq!(
        variables.len(),
        KEYS.len(),
        "two keys share an environment variable"
    );
}

#[test]
fn the_order_of_keys_is_that_of_the_default_file() {
    let mut section = String::new();
    let mut in_file = Vec::new();
    for line in DEFAULT_TOML.lines().filter(|l| !l.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((name, _)) = line.split_once(" = ") {
            in_file.push(format!("{section}{name}"));
        }
    }
    let keys: Vec<&str> = KEYS.iter().map(|k| k.path).collect();
    assert_eq!(keys, in_file);
}

#[test]
fn flags_beat_the_environment_beats_the_file_beats_the_defaults() {
    let (_directory, mut sources) = file("[store]\ncache_mb = 100\nballast_mb = 10\nmin_free_mb = 1_000\n");
    sources.environment = environment(&[
        ("YAMABIKO_STORE_CACHE_MB", "200"),
        ("YAMABIKO_STORE_BALLAST_MB", "20"),
        ("STATE_DIRECTORY", "/var/lib/yamabiko:/other"),
        ("YAMABIKO_CONFIG", "/some/where"),
        ("HOME", "/root"),
    ]);
    sources.flags = vec![flag("store.cache_mb", "300")];
    let effective = load(&sources).unwrap();
    let store = &effective.config.store;
    assert_eq!(
        (store.cache_mb, store.ballast_mb, store.min_free_mb),
        (300, 20, 1000)
    );
    assert_eq!(effective.config.data_dir, PathBuf::from("/var/lib/yamabiko"));
    let origin = |key: &str| {
        effective
            .settings()
            .iter()
            .find(|s| s.key == key)
            .unwrap()
            .origin
            .to_string()
    };
    assert_eq!(origin("store.cache_mb"), "--store.cache_mb");
    assert_eq!(
        origin("store.ballast_mb"),
        "environment YAMABIKO_STORE_BALLAST_MB"
    );
    assert!(origin("store.min_free_mb").ends_with("yamabiko.toml:4:1"));
    assert_eq!(origin("data_dir"), "$STATE_DIRECTORY");
    assert_eq!(origin("listen"), "default");
}

#[test]
fn every_mistake_is_reported_at_once_with_line_and_remedy() {
    let found = mistakes(
        "listen = 8080\n\
         pubic_url = \"https://a.example\"\n\
         workers = 3\n\
         trusted_proxies = [\"10.1.2.3/8\", \"proxy\"]\n\
         log = \"json\"\n\
         [stroe]\n\
         cache_mb = 1\n\
         [store]\n\
         cache_mb = 1\n\
         ballast_mb = 1.5\n\
         [watchdog]\n  enabled = \"yes\"\n",
    );
    let expected = [
        "yamabiko.toml:1:1: listen: a number is not accepted. Write an address and a port, such as \
         \"0.0.0.0:8080\" or \"[::]:8080\".",
        "yamabiko.toml:2:1: pubic_url: there is no such setting. Did you mean public_url?",
        "yamabiko.toml:3:1: workers: there is no such setting. Did you mean delivery.workers?",
        "yamabiko.toml:4:1: trusted_proxies: \"10.1.2.3/8\" has bits behind its prefix. Write \"10.0.0.0/8\" if \
         you mean the whole network.",
        "yamabiko.toml:5:1: log: this is a section. Write [log] on a line of its own and its settings below.",
        "yamabiko.toml:6:2: stroe: there is no such section. Did you mean store?",
        "yamabiko.toml:9:1: store.cache_mb: 1 is out of range. Write a whole number from 8 to 65536 (MiB).",
        "yamabiko.toml:10:1: store.ballast_mb: a value of this type is not accepted. Write a whole number from 0 \
         to 4096 (MiB).",
        "yamabiko.toml:12:3: watchdog.enabled: \"yes\" is not accepted. Write true or false.",
    ];
    let sorted = |list: Vec<String>| list.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(
        sorted(found),
        sorted(expected.iter().map(|s| (*s).to_owned()).collect())
    );
}

#[test]
fn broken_toml_names_its_line() {
    let found = mistakes("listen = \"0.0.0.0:80\"\n[store\ncache_mb = 64\n");
    assert!(found[0].starts_with("yamabiko.toml:2:"), "{found:?}");
    let twice = mistakes("[store]\ncache_mb = 64\ncache_mb = 65\n");
    assert!(twice[0].starts_with("yamabiko.toml:3:"), "{twice:?}");
}

#[test]
fn mistakes_of_variables_and_flags_name_them() {
    let sources = Sources {
        file: Some("/nonexistent/yamabiko.toml".into()),
        environment: environment(&[
            ("YAMABIKO_LOG_LEVLE", "info"),
            ("YAMABIKO_DELIVERY_TTL_H", "soon"),
        ]),
        flags: vec![flag("log.levl", "info")],
    };
    let error = load(&sources).unwrap_err();
    let kinds: Vec<MistakeKind> = error.mistakes.iter().map(|m| m.kind).collect();
    assert_eq!(
        kinds,
        [
            MistakeKind::Unreadable,
            MistakeKind::UnknownKey,
            MistakeKind::NotAllowed,
            MistakeKind::UnknownKey
        ]
    );
    assert!(error.mistakes[1].remedy.contains("YAMABIKO_LOG_LEVEL"));
    assert!(error.mistakes[3].remedy.contains("log.level"));
    assert!(
        error
            .to_string()
            .starts_with("the configuration has 4 mistakes:\n")
    );
}

#[test]
fn settings_that_exclude_each_other_are_refused() {
    let found = mistakes(
        "listen = \"127.0.0.1:80\"\n[admin]\nlisten = \"127.0.0.1:80\"\n[tls]\ncert_file = \"a.pem\"\n\
         [delivery]\ntimeout_s = 2\n",
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found
            .iter()
            .any(|m| m.starts_with("yamabiko.toml:5:1: tls.cert_file:"))
    );
}

#[test]
fn the_public_address_is_one() {
    let check = |text: &str| {
        load(&Sources {
            flags: vec![flag("public_url", text)],
            ..Sources::default()
        })
        .map(|e| e.config.public_url)
        .map_err(|e| e.mistakes[0].kind)
    };
    assert_eq!(
        check("https://Track.Example.jp/"),
        Ok(Some("https://track.example.jp".into()))
    );
    assert_eq!(
        check("https://a.example/sub/"),
        Ok(Some("https://a.example/sub".into()))
    );
    assert_eq!(check(""), Ok(None));
    for wrong in [
        "track.example.jp",
        "ftp://a.example",
        "https://u:p@a.example",
        "https://a.example/?x=1",
    ] {
        assert_eq!(check(wrong), Err(MistakeKind::NotAllowed), "{wrong}");
    }
}

#[test]
fn public_keys_are_those_of_p256() {
    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWdp8GPcGqmhgzEFj9Z2nSpQVddayaPe4FMzqM9wib1+aHaaIzoHoLN9zW4K8y4SPykE3YVK3sVqW6Af0lfx3gg==";
    let check = |text: &str| {
        load(&Sources {
            environment: environment(&[("YAMABIKO_APPLE_KEYS", text)]),
            ..Sources::default()
        })
        .map(|e| e.config.apple.keys)
        .map_err(|e| e.mistakes[0].kind)
    };
    let one = format!("apple-cas-identifier/0={KEY}");
    assert_eq!(check(""), Ok(vec![]));
    assert_eq!(
        check(&format!("{one},second={KEY}")),
        Ok(vec![one.clone(), format!("second={KEY}")])
    );
    let off_the_curve = one.replacen("Wdp8", "Wdp9", 1);
    for wrong in [KEY, "=abc", "id=", "id=%%%", "id=MFkwEwYH", &off_the_curve] {
        assert_eq!(check(wrong), Err(MistakeKind::NotAllowed), "{wrong}");
    }
}

#[test]
fn secrets_are_neither_shown_nor_quoted_in_mistakes() {
    let secret = "correct-horse-battery";
    let good = Sources {
        environment: environment(&[("YAMABIKO_ADMIN_METRICS_TOKEN", secret)]),
        ..Sources::default()
    };
    let effective = load(&good).unwrap();
    assert_eq!(effective.config.admin.metrics_token.as_deref(), Some(secret));
    assert!(!effective.show().contains(secret) && effective.show().contains("********"));
    assert!(!effective.show_json().to_string().contains(secret));
    let bad = Sources {
        environment: environment(&[("YAMABIKO_ADMIN_METRICS_TOKEN", "with space in it, long")]),
        ..Sources::default()
    };
    assert!(!load(&bad).unwrap_err().to_string().contains("with space"));
}

#[test]
fn what_is_shown_can_be_read_again() {
    let (_directory, mut sources) = file("trusted_proxies = [\"10.0.0.1\"]\n[delivery]\nworkers = 7\n");
    sources.flags = vec![flag("delivery.allow_networks", "10.0.0.0/8, 192.168.0.0/16")];
    let first = load(&sources).unwrap();
    let (_second_directory, again) = file(&first.show());
    assert_eq!(load(&again).unwrap().config, first.config);
}

#[test]
fn the_packaged_example_is_the_default_file_with_all_settings_off() {
    let packaged = include_str!("../../packaging/config.example.toml");
    assert_eq!(
        packaged,
        example_toml(),
        "write the output of config::example_toml() to it"
    );
    let (_directory, sources) = file(packaged);
    assert_eq!(
        load(&sources).unwrap().config,
        load(&Sources::default()).unwrap().config
    );
}

#[test]
fn what_nobody_set_becomes_smaller_in_little_memory() {
    let mut small = load(&Sources::default()).unwrap();
    assert_eq!(small.fit(256 << 20), ["store.cache_mb", "limits.spool_clicks"]);
    assert_eq!(
        (small.config.store.cache_mb, small.config.limits.spool_clicks),
        (16, 8_192)
    );
    assert!(
        small.show().contains("sized to 256 MiB of memory"),
        "{}",
        small.show()
    );

    let mut large = load(&Sources::default()).unwrap();
    assert!(large.fit(4 << 30).is_empty());

    let set = Sources {
        flags: vec![Flag {
            flag: "--set".into(),
            key: "store.cache_mb".into(),
            value: "64".into(),
        }],
        ..Sources::default()
    };
    let mut set = load(&set).unwrap();
    assert_eq!(set.fit(64 << 20), ["limits.spool_clicks"]);
    assert_eq!(set.config.store.cache_mb, 64, "what an operator set stays");
}
