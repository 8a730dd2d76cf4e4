//! Which keys describe the OpenID Provider?

use crate::config::key::{Key, Kind, Need, Section};

pub(in crate::config) const SECTION: Section = Section {
    path: "provider",
    example: "",
    about: "The OpenID Provider that signs people in: Keycloak, or any other.",
    keys: KEYS,
};

pub(in crate::config) const PARAMETERS: Section = Section {
    path: "provider.authorization_parameters",
    example: "",
    about: "More query parameters for the provider's sign-in page. The browser carries them, so a person can take \
            them away: they ask the provider for something, and enforce nothing here.",
    keys: &[Key {
        name: "*",
        // Whatever it is, it need not be in a log.
        kind: Kind::Secret,
        need: Need::Optional("kc_idp_hint = \"corporate\""),
        about: "Any parameter the provider understands, as name = \"text\". What the sign-in itself needs \
                (state, redirect_uri and the like) is not for you to set.",
        right: "a name that the sign-in itself does not use, with a text in quotes, such as prompt = \"login\"",
    }],
};

const KEYS: &[Key] = &[
    Key {
        name: "issuer",
        kind: Kind::Text,
        need: Need::Required("\"https://keycloak.example.com/realms/main\""),
        about: "The provider's name for itself. It must match what its discovery document and its tokens \
                say, to the last character.",
        right: "the issuer exactly as the provider's discovery document says it, such as \
                https://keycloak.example.com/realms/main",
    },
    Key {
        name: "backchannel_url",
        kind: Kind::Text,
        need: Need::Optional("\"http://keycloak.auth.svc:8080/realms/main\""),
        about: "Where this process reaches the provider, if that is not where browsers reach it: the \
                discovery document is fetched below this URL. Without it the issuer is used.",
        right: "the URL under which this process finds /.well-known/openid-configuration, such as \
                http://keycloak.auth.svc:8080/realms/main; or take the key away",
    },
    Key {
        name: "discovery",
        kind: Kind::Switch,
        need: Need::Default("true"),
        about: "Whether the provider's discovery document says where its endpoints are. Without it \
                provider.endpoints does, and the document is never fetched.",
        right: "true or false",
    },
    Key {
        name: "endpoint_hosts",
        kind: Kind::List,
        need: Need::Default("[]"),
        about: "Other hosts that the discovery document may name for endpoints, beside those of issuer and \
                backchannel_url.",
        right: "host names alone, such as [\"login.microsoftonline.com\"]",
    },
    Key {
        name: "client_id",
        kind: Kind::Text,
        need: Need::Required("\"foregate\""),
        about: "The name under which the provider knows this gateway.",
        right: "the client ID that is registered at the provider, such as foregate",
    },
    Key {
        name: "audience",
        kind: Kind::Text,
        need: Need::Optional("\"api://foregate\""),
        about: "What aud of an ID token must hold, where that is not client_id.",
        right: "the aud that the provider writes into this client's ID tokens; or take the key away",
    },
    Key {
        name: "trusted_audiences",
        kind: Kind::List,
        need: Need::Default("[]"),
        about: "What aud of an ID token may hold as well; a token with any other audience is refused. azp must \
                be client_id all the same: a token that another client asked for is not for us.",
        right: "one audience for each entry, such as [\"kubernetes\"]",
    },
    Key {
        name: "client_secret",
        kind: Kind::Secret,
        need: Need::Optional("\"…\""),
        about: "The client's secret at the provider. This or client_secret_file is required, unless \
                client_authentication is private_key_jwt or none.",
        right: "the client's secret as the provider shows it, in client_secret or client_secret_file; or \
                client_authentication = \"none\" for a client without one",
    },
    Key {
        name: "client_secret_file",
        kind: Kind::SecretFile,
        need: Need::Optional("\"/run/secrets/client-secret\""),
        about: "A file that holds the client's secret and nothing else; a line break at its end does not count.",
        right: "the path of a file that holds the client's secret and that this process may read",
    },
    Key {
        name: "client_authentication",
        kind: Kind::Text,
        need: Need::Default("\"client_secret_basic\""),
        about: "How the gateway proves itself to the provider: client_secret_basic, client_secret_post, \
                private_key_jwt, or none for a public client.",
        right: "\"client_secret_basic\", \"client_secret_post\", \"private_key_jwt\" or \"none\"",
    },
    Key {
        name: "client_key",
        kind: Kind::Secret,
        need: Need::Optional("\"…\""),
        about: "The private key for private_key_jwt, in PEM (PKCS#8): RSA from 2048 bits, P-256, P-384 or \
                Ed25519. With client_authentication = \"private_key_jwt\", this or client_key_file is required. \
                docs/client-key.md makes one and registers it.",
        right: "a private key in PEM that begins with -----BEGIN PRIVATE KEY-----: RSA from 2048 bits, P-256, \
                P-384 or Ed25519",
    },
    Key {
        name: "client_key_file",
        kind: Kind::SecretFile,
        need: Need::Optional("\"/run/secrets/client-key.pem\""),
        about: "A file that holds the private key.",
        right: "the path of a PEM file that holds a private key (-----BEGIN PRIVATE KEY-----: RSA from 2048 bits, \
                P-256, P-384 or Ed25519) and that this process may read",
    },
    Key {
        name: "client_key_id",
        kind: Kind::Text,
        need: Need::Optional("\"foregate-1\""),
        about: "What the provider calls the key (kid), where it wants to be told.",
        right: "the kid under which the provider knows the key; or take the key away",
    },
    Key {
        name: "client_assertion_audience",
        kind: Kind::Text,
        need: Need::Optional("\"https://login.example.com/token\""),
        about: "Whom the assertions of private_key_jwt are for (aud), where the provider does not take its issuer.",
        right: "the one aud that the provider expects, such as its token endpoint",
    },
    Key {
        name: "scopes",
        kind: Kind::List,
        need: Need::Default("[\"openid\", \"profile\", \"email\"]"),
        about: "What the provider is asked for. Add the scope that brings groups, where there is one.",
        right: "one scope for each entry, and openid among them: [\"openid\", \"profile\", \"email\"]",
    },
    Key {
        name: "userinfo",
        kind: Kind::Switch,
        need: Need::Default("false"),
        about: "Whether each sign-in also asks the provider's userinfo endpoint for claims that the ID token \
                lacks. What the ID token says stands.",
        right: "true or false",
    },
    Key {
        name: "ca_file",
        kind: Kind::Text,
        need: Need::Optional("\"/etc/foregate/ca.pem\""),
        about: "Certificates (PEM) of an authority of your own that signed the provider's certificate.",
        right: "the path of a PEM file with at least one certificate, which this process may read",
    },
    Key {
        name: "signing_algorithms",
        kind: Kind::List,
        need: Need::Default("[\"RS256\"]"),
        about: "The signatures an ID token may carry: RS256, PS256, ES256, ES384, EdDSA.",
        right: "what the provider signs with, of RS256, PS256, ES256, ES384 and EdDSA; Keycloak's default is RS256",
    },
    Key {
        name: "leeway",
        kind: Kind::Text,
        need: Need::Default("\"60s\""),
        about: "How far the provider's clock may be from ours, from 0s to 5m.",
        right: "a time with its unit, from 0s to 5m, such as 60s",
    },
    Key {
        name: "timeout",
        kind: Kind::Text,
        need: Need::Default("\"10s\""),
        about: "How long one request to the provider may take, from 1s to 60s.",
        right: "a time with its unit, from 1s to 60s, such as 10s",
    },
    Key {
        name: "tolerates_refresh_token_reuse",
        kind: Kind::Switch,
        need: Need::Default("false"),
        about: "Whether a refresh token may be sent again whose answer was lost on the way. true only where the \
                provider does not rotate refresh tokens, or grants a while in which the old one is good. Otherwise \
                the session lives on until its tokens end, and then takes one redirect through the provider.",
        right: "true or false, without quotes",
    },
];
