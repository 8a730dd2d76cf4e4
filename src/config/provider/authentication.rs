//! Client authentication at the provider

use crate::config::checks::choice;
use crate::config::reader::Reader;
use crate::config::report::{Reported, Wrong};
use crate::config::secrets::secret;
use crate::provider::{ClientAuthentication, ClientKey, ClientKeyError};

const METHOD: &str = "provider.client_authentication";
const SECRET: &str = "provider.client_secret";
const KEY: &str = "provider.client_key";
const KEY_FILE: &str = "provider.client_key_file";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Basic,
    Post,
    PrivateKey,
    None,
}

const METHODS: [(&str, Method); 4] = [
    ("client_secret_basic", Method::Basic),
    ("client_secret_post", Method::Post),
    ("private_key_jwt", Method::PrivateKey),
    ("none", Method::None),
];

/// Reads the method and its credential. A credential that the method does not use is a mistake.
pub(super) fn read(reader: &mut Reader) -> Result<ClientAuthentication, Reported> {
    let client_secret = secret(reader, SECRET);
    let key = read_key(reader);
    let audience = reader.read_optional("provider.client_assertion_audience", |text| Ok(text.to_owned()));
    let method = reader.read_required(METHOD, |text| choice(text, &METHODS))?;
    let (client_secret, key) = (client_secret?, key?);
    if key.is_some() && method != Method::PrivateKey {
        let what = "a client key is set, but this method does not use it";
        let right = "\"private_key_jwt\"; or remove the client key";
        return Err(reader.report_wrong(METHOD, Wrong::new(what).right(right)));
    }
    match (method, client_secret) {
        (Method::Basic, Some(secret)) => Ok(ClientAuthentication::Basic(secret)),
        (Method::Post, Some(secret)) => Ok(ClientAuthentication::Post(secret)),
        (Method::Basic | Method::Post, None) => Err(reader.report_missing(SECRET)),
        (Method::PrivateKey, None) => {
            let (key, audience) = (key.ok_or_else(|| reader.report_missing(KEY))?, audience?);
            Ok(ClientAuthentication::PrivateKey { key, audience })
        }
        (Method::None, None) => Ok(ClientAuthentication::None),
        (Method::PrivateKey | Method::None, Some(_)) => Err(unused_secret(reader)),
    }
}

fn unused_secret(reader: &mut Reader) -> Reported {
    reader.report_wrong(
        METHOD,
        Wrong::new("a client secret is set, but this method does not use it").right(
            "\"client_secret_basic\"; or remove the client secret, if the client is public at the provider or \
             the provider knows its key",
        ),
    )
}

fn read_key(reader: &mut Reader) -> Result<Option<ClientKey>, Reported> {
    let pem = secret(reader, KEY);
    let id = reader.read_optional("provider.client_key_id", |text| Ok(text.to_owned()));
    let (Some(pem), id) = (pem?, id?) else { return Ok(None) };
    let source = if reader.is_set(KEY_FILE) { KEY_FILE } else { KEY };
    ClientKey::read(&pem, id).map(Some).map_err(|error| {
        let wrong = Wrong::new(error.to_string());
        reader.report_wrong(source, if is_converted_by_openssl(error) { wrong.right(CONVERT) } else { wrong })
    })
}

fn is_converted_by_openssl(error: ClientKeyError) -> bool {
    matches!(error, ClientKeyError::Encrypted | ClientKeyError::OtherPem)
}

const CONVERT: &str = "what `openssl pkcs8 -topk8 -nocrypt -in key.pem` writes: a block that begins with -----BEGIN \
                       PRIVATE KEY-----";
