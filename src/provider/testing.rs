//! Shared test support: signing keys, a server from a closure, settings, a clock and log capture

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing::Level;
use tracing::subscriber::{DefaultGuard, set_default, set_global_default};

use super::clock_watch::ClockWatch;
use super::http::Http;
use super::{Algorithm, ClientAuthentication, Endpoints, ProviderSettings};
use crate::flow::ports::{Clock, UnixTime};
use crate::secret::Secret;
use crate::trust;

pub(super) const NOW: UnixTime = UnixTime(1_800_000_000);
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// A key of the provider.
pub(super) enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    P521(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Returns one RSA key for all tests, because generating a key is slow.
pub(super) fn rsa() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(|| Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
}

impl Signer {
    pub(super) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(super) fn p384() -> Self {
        Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    pub(super) fn p521() -> Self {
        Self::P521(EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap())
    }

    pub(super) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub(super) fn jwk(&self) -> Value {
        match self {
            Self::Rsa(key) => {
                // RSAPublicKey (RFC 8017 §A.1.1) of 2048 bits: a fixed head, n, then e = 65537.
                json!({"kty": "RSA", "n": base64(&key.public_key().as_ref()[9..265]), "e": "AQAB"})
            }
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": base64(&point[1..33]), "y": base64(&point[33..])})
            }
            Self::P384(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-384", "x": base64(&point[1..49]), "y": base64(&point[49..])})
            }
            Self::P521(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-521", "x": base64(&point[1..67]), "y": base64(&point[67..])})
            }
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64(key.public_key().as_ref())})
            }
        }
    }

    pub(super) fn named(&self, kid: &str) -> Value {
        with(&self.jwk(), &json!({"kid": kid, "use": "sig"}))
    }

    /// Signs a token; RSA signs with the algorithm in the header, and with RS256 if that is none of RSA.
    pub(super) fn token(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", base64(header), base64(payload));
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let paddings: [(_, &'static dyn RsaEncoding); 5] = [
                    ("RS384", &RSA_PKCS1_SHA384),
                    ("RS512", &RSA_PKCS1_SHA512),
                    ("PS256", &RSA_PSS_SHA256),
                    ("PS384", &RSA_PSS_SHA384),
                    ("PS512", &RSA_PSS_SHA512),
                ];
                let named = paddings.into_iter().find(|(name, _)| header.contains(name));
                let padding = named.map_or(&RSA_PKCS1_SHA256 as &dyn RsaEncoding, |(_, padding)| padding);
                key.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::P256(key) | Self::P384(key) | Self::P521(key) => {
                key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec()
            }
            Self::Ed25519(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", base64(signature))
    }
}

/// Returns an object with changed members. `null` removes a member.
pub(super) fn with(object: &Value, change: &Value) -> Value {
    let mut object = object.as_object().unwrap().clone();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    Value::Object(object)
}

pub(super) fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

pub(super) fn settings(issuer: &str) -> ProviderSettings {
    ProviderSettings {
        bears_reuse: false,
        issuer: issuer.to_owned(),
        backchannel_url: None,
        discovery: true,
        endpoints: Endpoints::default(),
        endpoint_hosts: Vec::new(),
        client_id: "foregate".to_owned(),
        audience: None,
        trusted_audiences: Vec::new(),
        client_authentication: ClientAuthentication::Basic(Secret::new("s3cret")),
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        authorization_parameters: BTreeMap::new(),
        required_acr: Vec::new(),
        userinfo: false,
        ca_pem: None,
        signing_algorithms: Some(vec![Algorithm::Rs256, Algorithm::Es256]),
        leeway: Duration::from_mins(1),
        timeout: Duration::from_secs(5),
    }
}

/// Returns the metadata of an issuer in the form that Keycloak publishes.
pub(super) fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/protocol/openid-connect/auth"),
        "token_endpoint": format!("{issuer}/protocol/openid-connect/token"),
        "jwks_uri": format!("{issuer}/protocol/openid-connect/certs"),
        "end_session_endpoint": format!("{issuer}/protocol/openid-connect/logout"),
        "response_types_supported": ["code", "none", "code id_token token"],
        "subject_types_supported": ["public", "pairwise"],
        "service_documentation": "",
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// A clock that changes only when it is set.
pub(super) struct SetClock(pub(super) AtomicU64);

impl SetClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW.0)))
    }
}

impl Clock for SetClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}

/// Collects the log lines of one thread.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Collects until the returned guard is dropped.
    pub(super) fn listen(&self) -> DefaultGuard {
        // A global subscriber enables every event: otherwise an event that another thread reaches first is disabled
        // for all threads.
        static EVERYTHING: Once = Once::new();
        EVERYTHING.call_once(|| {
            let sink = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(std::io::sink);
            set_global_default(sink.finish()).unwrap();
        });
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(Level::INFO).with_ansi(false);
        set_default(subscriber.with_writer(move || writer.clone()).finish())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A server that passes each request as text to a closure, sends the returned response and closes the connection.
pub(super) struct Server {
    pub(super) origin: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer)
    }

    pub(super) fn on(listener: TcpListener, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    seen.lock().unwrap().push(request.clone());
                    let _ = stream.write_all(answer(&request).as_bytes()).await;
                });
            }
        });
        Self { origin, requests }
    }

    /// Returns the requests so far whose first line contains a text.
    pub(super) fn requests(&self, path: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.lines().next().unwrap().contains(path)).cloned().collect()
    }
}

/// Reads a request with its body.
pub(super) async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await.unwrap_or(0);
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return text;
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if read == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

/// Returns an HTTP client for local servers, with a correct clock.
pub(super) fn http(timeout: Duration) -> Http {
    let watch = Arc::new(ClockWatch::new(SetClock::new()));
    Http::new(trust::client(None, timeout).unwrap(), timeout, watch, Arc::default())
}

pub(super) fn reply(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
}
