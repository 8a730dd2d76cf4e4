//! `session.store = "file"`, with the whole gateway

use std::path::{Path, PathBuf};
use std::sync::Arc;

use foregate::server::SystemClock;
use foregate::session::records::file::FileRecords;
use foregate::session::records::{Bounds, Kept, Records, Row, Swapped};
use redb::{ReadableDatabase, ReadableTable};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue, ORIGIN};
use url::Url;

use crate::harness::{Browser, Gateway, KEY, Process, Provider};
use crate::refresh::scene::{DUE, poll, short_lived, signed_in_browser, until_refreshes, usual_settings};

/// The file of one test.
pub(crate) struct SessionFile(PathBuf);

impl SessionFile {
    pub(crate) fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("sessions-{name}.redb"));
        let _old = std::fs::remove_file(&path);
        Self(path)
    }

    pub(crate) fn settings<'a>(&'a self, provider: &'a Provider) -> Vec<(&'a str, &'a str)> {
        let file = [("session.store", "file"), ("session.file", self.0.to_str().unwrap())];
        [&usual_settings(provider)[..], &file].concat()
    }
}

pub(crate) async fn start(provider: &Provider, file: &SessionFile) -> Gateway {
    Gateway::of(provider.clock.clone(), None, &file.settings(provider)).await
}

async fn sign_out(gateway: &Gateway, browser: &mut Browser) {
    let origin = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_str(&gateway.url("")).unwrap())]);
    browser.request(Method::POST, &gateway.url("/oauth2/sign_out"), origin, None).await;
}

#[tokio::test]
async fn session_survives_restarts_and_keeps_its_cookie_over_refreshes() {
    let (provider, file) = (short_lived().await, SessionFile::new("restarts"));
    let mut gateway = start(&provider, &file).await;
    let browser = signed_in_browser(&gateway).await;
    assert_eq!(gateway.readyz().await.1["sessions"]["store"], "file");
    for refreshes in 1..=3 {
        provider.clock.advance(DUE);
        let reply = poll(&gateway, &browser).await;
        assert_eq!((reply.status, reply.header("set-cookie")), (200, None));
        until_refreshes(&gateway, "renewed", 1).await;
        gateway = gateway.restart(&file.settings(&provider)).await;
        assert_eq!(poll(&gateway, &browser).await.status, 200, "after {refreshes} refreshes");
    }
    assert_eq!((provider.observed().refresh, provider.observed().reuse_violations), (3, 0));
}

#[tokio::test]
async fn ended_session_stays_ended_for_a_copied_cookie_after_a_restart() {
    let (provider, file) = (short_lived().await, SessionFile::new("endings"));
    let gateway = start(&provider, &file).await;
    let url = Url::parse(&gateway.url("/oauth2/backchannel-logout")).unwrap();
    provider.send_logouts_to("foregate", &url);
    let (mut signed_out, other) =
        (signed_in_browser(&gateway).await, gateway.signed_in_browser("alice").await);
    let copied = signed_out.cookie_header().unwrap();
    sign_out(&gateway, &mut signed_out).await;
    assert_eq!(provider.end_sessions("alice").await, [Some(200)]);

    let gateway = gateway.restart(&file.settings(&provider)).await;
    let mut headers = gateway.question("/");
    headers.insert("cookie", copied);
    assert_eq!(gateway.ask(headers).await.status, 302, "signed out");
    assert_eq!(poll(&gateway, &other).await.status, 401, "ended by the provider");
}

#[tokio::test]
async fn session_of_any_size_has_one_small_cookie() {
    let mut settings = dev_provider::Settings::default();
    settings.users[0].groups = (0..2000).map(|number| format!("department-{number}")).collect();
    settings.users[0].groups.push("dev".to_owned());
    let (provider, file) = (Provider::start(settings).await, SessionFile::new("size"));
    let gateway = start(&provider, &file).await;
    let browser = signed_in_browser(&gateway).await;
    assert!(browser.cookie("foregate").unwrap().len() < 100);
    assert_eq!(gateway.ask_as(&browser, "/").await.status, 200);
}

/// Returns all rows of a file that no process uses.
fn rows(path: &Path) -> Vec<Row> {
    const ROWS: redb::TableDefinition<'_, [u8; 16], &[u8]> = redb::TableDefinition::new("rows");
    let database = redb::Database::open(path).unwrap();
    let table = database.begin_read().unwrap().open_table(ROWS).unwrap();
    table.iter().unwrap().map(|row| Row::decode(row.unwrap().1.value()).unwrap()).collect()
}

/// The writer of the file even has the session key, because both sessions were sealed with it.
#[tokio::test]
async fn session_that_is_copied_to_another_record_opens_for_no_ticket() {
    let (provider, file) = (short_lived().await, SessionFile::new("copied"));
    let gateway = start(&provider, &file).await;
    let attacker = signed_in_browser(&gateway).await;
    let victim = gateway.signed_in_browser("alice").await;
    let work = async {
        let rows = rows(&file.0);
        let records =
            FileRecords::open(&file.0, Bounds { sessions: 9, per_user: 9 }, Arc::new(SystemClock)).unwrap();
        let [one, other] = rows.as_slice() else { panic!("{} rows", rows.len()) };
        for (into, from) in [(one, other), (other, one)] {
            let (sealed, summary) = (Arc::clone(&from.sealed), Arc::clone(&from.summary));
            let copied = Row { revision: into.revision + 1, sealed, summary, ..into.clone() };
            let swapped = records.compare_and_swap(into.revision, &copied, Kept::Replicated).await;
            assert_eq!(swapped, Ok(Swapped::Stored));
        }
    };
    let gateway = gateway.restart_after(&file.settings(&provider), work).await;
    for browser in [&attacker, &victim] {
        assert_eq!(poll(&gateway, browser).await.status, 401);
    }
}

#[tokio::test]
async fn second_process_is_refused_with_the_reason() {
    let (provider, file) = (short_lived().await, SessionFile::new("second"));
    let _first = start(&provider, &file).await;
    let mut second = std::process::Command::new(env!("CARGO_BIN_EXE_foregate"));
    second.args(["serve", "--set", "public.urls=http://127.0.0.1:1", "--set", "public.listen=127.0.0.1:0"]);
    second.args(["--set", "check.listen=127.0.0.1:0", "--set", "ops.listen=127.0.0.1:0"]);
    let key = format!("session.keys={KEY}");
    second.args(["--set", &key]);
    for (name, value) in file.settings(&provider).iter().filter(|(name, _)| *name != "session.keys") {
        second.args(["--set", &format!("{name}={value}")]);
    }
    let output = tokio::task::spawn_blocking(move || second.output()).await.unwrap().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(log.contains("session.file") && log.contains("another process uses it"), "{log}");
}

#[tokio::test]
async fn session_is_there_after_the_process_was_killed() {
    let (provider, file) = (crate::harness::real_time_provider().await, SessionFile::new("killed"));
    let path = file.0.to_str().unwrap();
    // A session belongs to one origin, so both processes have the same.
    let address = crate::ports::free_address().to_string();
    let origin = format!("http://{address}");
    let settings = [
        ("public.listen", &*address),
        ("public.urls", &*origin),
        ("session.store", "file"),
        ("session.file", path),
        ("provider.client_secret", "foregate-secret"),
        ("session.keys", KEY),
    ];
    let mut process = Process::start(provider.issuer(), &[], &settings).await;
    let mut browser = Browser::new();
    let form = browser.open(&format!("{origin}/oauth2/start")).await;
    browser.sign_in(&form, "alice", "alice").await;
    process.signal("KILL");
    process.child.wait().unwrap();
    let _second = Process::start(provider.issuer(), &[], &settings).await;
    let page = browser.go(&format!("{origin}/oauth2/userinfo")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("alice"), "{}", page.body);
}
