//! Any text as a settings file, or as `SETTING=VALUE`; what is accepted makes outputs, and is the same when printed and read again.
#![no_main]

use anacrusis::config::{Config, set};
use anacrusis::live::registry::{Shared, drives, filled_in};
use libfuzzer_sys::fuzz_target;
use toml::Table;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut tables: Vec<Table> = text.parse().into_iter().collect();
    if let Some((path, value)) = text.split_once('=') {
        let mut table = Table::new();
        if set(&mut table, path, value).is_ok() {
            tables.push(table);
        }
    }
    for table in tables {
        let Ok(config) = Config::from_table(table) else { continue };
        let Ok(printed) = filled_in(&config) else { continue };
        let again = Config::from_table(printed.parse().expect("what is printed is TOML")).expect("what is printed is accepted");
        assert_eq!(filled_in(&again).expect("as before"), printed);
        assert_eq!(drives(&config, &Shared::default()).expect("what can be printed can be made").len(), config.outputs.len());
    }
});
