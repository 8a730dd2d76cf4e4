//! A log that cannot be written, and signals that would end the process

use std::fs::OpenOptions;
use std::process::Stdio;

use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};

use crate::harness::{Browser, KEY, Process, get, get_with, real_time_provider, until, within};
use crate::pki::file;

const SECRETS: [(&str, &str); 3] =
    [("provider.client_secret", "foregate-secret"), ("session.keys", KEY), ("log.level", "debug")];

impl Process {
    fn question(&self) -> HeaderMap {
        let host = format!("127.0.0.1:{}", self.public);
        let usual =
            [("method", "GET"), ("proto", "http"), ("host", &host), ("uri", "/"), ("for", "203.0.113.9")];
        let fields = usual.map(|(name, value)| {
            (
                format!("x-forwarded-{name}").parse::<HeaderName>().unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            )
        });
        HeaderMap::from_iter(fields)
    }

    async fn check(&self, browser: &Browser, more: &[(&'static str, &str)]) -> u16 {
        let mut headers = self.question();
        headers.extend(more.iter().map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        }));
        headers.extend(browser.cookie_header().map(|value| (COOKIE, value)));
        get_with(&format!("http://127.0.0.1:{}/check/traefik", self.check), headers).await.status
    }

    async fn lost_lines(&self) -> u64 {
        let metrics = get(&format!("http://127.0.0.1:{}/metrics", self.ops)).await.body;
        let lost = metrics.lines().find_map(|line| line.strip_prefix("foregate_log_lines_lost_total "));
        lost.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
    }

    /// Signs in, asks checks with every decision, and signs out.
    async fn expect_service(&self) {
        let base = format!("http://127.0.0.1:{}", self.public);
        let mut browser = Browser::new();
        let form = browser.open(&format!("{base}/oauth2/start?rd=/")).await;
        let end = browser.sign_in(&form, "testuser", "testuser").await;
        // No application is behind the gateway's own pages.
        assert_eq!((end.status, browser.cookie("foregate").is_some()), (404, true), "{}", end.body);
        assert_eq!(self.check(&browser, &[]).await, 200);
        assert_eq!(self.check(&Browser::new(), &[]).await, 401);
        assert_eq!(self.check(&browser, &[("x_forwarded_user", "root")]).await, 400);
        assert_eq!(
            self.check(&browser, &[("upgrade", "websocket"), ("origin", "http://evil.test")]).await,
            403
        );
        let origin = [("origin".parse::<HeaderName>().unwrap(), base.parse::<HeaderValue>().unwrap())];
        let origin = HeaderMap::from_iter(origin);
        let out =
            browser.request(reqwest::Method::POST, &format!("{base}/oauth2/sign_out"), origin, None).await;
        assert_eq!(out.status, 303, "{}", out.body);
        assert_eq!(self.check(&browser, &[]).await, 401);
    }

    async fn stop_by(&mut self, signal: &str) {
        self.signal(signal);
        let child = std::sync::Mutex::new(&mut self.child);
        until("the signal stops it", async || child.lock().unwrap().try_wait().unwrap().is_some()).await;
    }

    async fn wait_for_lost_lines(&self) {
        until("log lines are counted as lost", async || self.lost_lines().await > 0).await;
    }
}

#[tokio::test]
async fn closed_log_fails_no_request_and_lost_lines_are_counted() {
    let provider = real_time_provider().await;
    let mut process = Process::start(provider.issuer(), &[], &SECRETS).await;
    assert_eq!(process.lost_lines().await, 0);
    drop((process.child.stderr.take(), process.child.stdout.take()));
    process.expect_service().await;
    process.wait_for_lost_lines().await;
    assert!(process.child.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn full_log_disk_stops_neither_start_nor_requests() {
    let provider = real_time_provider().await;
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let process = Process::logging_to(full(), provider.issuer(), &SECRETS).await;
    process.expect_service().await;
    process.wait_for_lost_lines().await;
}

#[tokio::test]
async fn unread_log_delays_no_request() {
    let provider = real_time_provider().await;
    let mut process = Process::start(provider.issuer(), &[], &SECRETS).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}/check/traefik", process.check);
    let checks = async {
        // A pipe holds 64 KiB, and the queue holds 4,096 lines.
        for _ in 0..6_000 {
            assert_eq!(client.get(&url).headers(process.question()).send().await.unwrap().status(), 401);
        }
    };
    within("checks do not wait for the log", checks).await;
    process.wait_for_lost_lines().await;
    process.stop_by("TERM").await;
}

#[tokio::test]
async fn stalled_log_reader_delays_no_shutdown() {
    let provider = real_time_provider().await;
    for with_stdout in [true, false] {
        let (reader, log) = std::io::pipe().unwrap();
        let mut process = Process::logging_to(Stdio::from(log), provider.issuer(), &SECRETS).await;
        if with_stdout {
            drop(process.child.stdout.take());
        }
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://127.0.0.1:{}/check/traefik", process.check);
        let fill = async {
            while process.lost_lines().await == 0 {
                for _ in 0..500 {
                    client.get(&url).headers(process.question()).send().await.unwrap();
                }
            }
        };
        within("the pipe and the queue are full", fill).await;
        process.stop_by("INT").await;
        drop(reader);
    }
}

#[tokio::test]
async fn sighup_reads_the_keys_again_and_other_signals_are_ignored_with_a_line() {
    let provider = real_time_provider().await;
    let (keys, log) = (file("sighup.keys", KEY), file("sighup.log", ""));
    let more = [("provider.client_secret", "foregate-secret"), ("session.keys_file", keys.to_str().unwrap())];
    let output = OpenOptions::new().append(true).open(&log).unwrap();
    let mut process = Process::logging_to(Stdio::from(output), provider.issuer(), &more).await;
    for (signal, line) in [
        ("USR1", "SIGUSR1: ignored"),
        ("USR2", "SIGUSR2: ignored"),
        ("HUP", "SIGHUP: reading keys"),
        ("HUP", "session.keys_file: read again, and in use"),
    ] {
        process.signal(signal);
        until(line, async || std::fs::read_to_string(&log).unwrap().contains(line)).await;
    }
    process.expect_service().await;
    process.signal("INT");
    assert!(process.child.wait().unwrap().success());
    std::fs::remove_file(keys).unwrap();
    std::fs::remove_file(log).unwrap();
}
