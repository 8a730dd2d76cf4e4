//! Keys of the OpenID Provider

use crate::config::key::{Key, Kind, Need, Section};

pub(in crate::config) const SECTION: Section = Section {
    path: "provider",
    example: "",
    about: "The OpenID Provider at which users sign in: Keycloak, or any other.",
    keys: KEYS,
};

pub(in crate::config) const PARAMETERS: Section = Section {
    path: "provider.authorization_parameters",
    example: "",
    about: "Further query parameters for the provider's sign-in page. The browser carries them, so a user can \
            remove them. They request something from the provider. The gateway checks only one of them: with max_age = \
            \"3600\", a sign-in is refused if its auth_time is missing or more than 3600 seconds old. Refreshes are not \
            checked. If the provider needs the user although prompt is \"none\", a page continues without it.",
    keys: &[Key {
        name: "*",
        // A parameter may be confidential, so no message shows it.
        kind: Kind::Secret,
        need: Need::Optional("kc_idp_hint = \"corporate\""),
        about: "Any parameter that the provider understands, as name = \"text\". Parameters that the sign-in \
                itself needs (state, redirect_uri and the like) cannot be set here.",
        right: "a name that the sign-in itself does not use, with a text in quotes, such as prompt = \"login\"",
    }],
};

const KEYS: &[Key] = &[
    Key {
        name: "issuer",
        kind: Kind::Text,
        need: Need::Required("\"https://keycloak.example.com/realms/main\""),
        about: "The URL by which the provider identifies itself. It must equal the issuer in the discovery \
                document and in the tokens, to the last character.",
        right: "the issuer exactly as in the provider's discovery document, such as \
                https://keycloak.example.com/realms/main",
    },
    Key {
        name: "backchannel_url",
        kind: Kind::Text,
        need: Need::Optional("\"http://keycloak.auth.svc:8080/realms/main\""),
        about: "The URL at which this process reaches the provider, if it differs from the URL for browsers. The \
                discovery document is fetched below this URL. Without this key, the issuer is used.",
        right: "the URL below which this process finds /.well-known/openid-configuration, such as \
                http://keycloak.auth.svc:8080/realms/main; or remove the key",
    },
    Key {
        name: "discovery",
        kind: Kind::Switch,
        need: Need::Default("true"),
        about: "If true, the provider's discovery document names the endpoints of the provider. If false, \
                provider.endpoints names them, and the document is never fetched.",
        right: "true or false",
    },
    Key {
        name: "endpoint_hosts",
        kind: Kind::List,
        need: Need::Default("[]"),
        about: "Other hosts on which the discovery document may place endpoints, in addition to the hosts of \
                issuer and backchannel_url.",
        right: "host names alone, such as [\"login.microsoftonline.com\"]",
    },
    Key {
        name: "client_id",
        kind: Kind::Text,
        need: Need::Required("\"foregate\""),
        about: "The client ID under which the provider knows this gateway.",
        right: "the client ID that is registered at the provider, such as foregate",
    },
    Key {
        name: "audience",
        kind: Kind::Text,
        need: Need::Optional("\"api://foregate\""),
        about: "The value that aud of an ID token must contain, if it is not client_id.",
        right: "the aud that the provider writes into this client's ID tokens; or remove the key",
    },
    Key {
        name: "trusted_audiences",
        kind: Kind::List,
        need: Need::Default("[]"),
        about: "Further values that aud of an ID token may contain. A token with any other audience is refused. \
                A token with several audiences must have azp. azp, if present, must be client_id, because a token \
                that another client requested is not meant for this gateway.",
        right: "one audience in each entry, such as [\"kubernetes\"]",
    },
    Key {
        name: "client_secret",
        kind: Kind::Secret,
        need: Need::Optional("\"…\""),
        about: "The client secret of this gateway at the provider. Either client_secret or client_secret_file is \
                required, unless client_authentication is private_key_jwt or none.",
        right: "the client secret as the provider shows it, in client_secret or client_secret_file; or \
                client_authentication = \"none\" for a client without a secret",
    },
    Key {
        name: "client_secret_file",
        kind: Kind::SecretFile,
        need: Need::Optional("\"/run/secrets/client-secret\""),
        about: "A file that contains only the client secret. A line break at its end is ignored.",
        right: "the path of a file that contains the client secret and that this process may read",
    },
    Key {
        name: "client_authentication",
        kind: Kind::Text,
        need: Need::Default("\"client_secret_basic\""),
        about: "How the gateway authenticates itself to the provider: client_secret_basic, client_secret_post, \
                private_key_jwt, or none for a public client.",
        right: "\"client_secret_basic\", \"client_secret_post\", \"private_key_jwt\" or \"none\"",
    },
    Key {
        name: "client_key",
        kind: Kind::Secret,
        need: Need::Optional("\"…\""),
        about: "The private key for private_key_jwt, in PEM (PKCS#8): RSA with at least 2048 bits, P-256, P-384 or \
                Ed25519. With client_authentication = \"private_key_jwt\", either client_key or client_key_file is \
                required. docs/client-key.md describes how to make a key and register it.",
        right: "a private key in PEM that begins with -----BEGIN PRIVATE KEY-----: RSA with at least 2048 bits, \
                P-256, P-384 or Ed25519",
    },
    Key {
        name: "client_key_file",
        kind: Kind::SecretFile,
        need: Need::Optional("\"/run/secrets/client-key.pem\""),
        about: "A file that contains the private key.",
        right: "the path of a PEM file that contains a private key (-----BEGIN PRIVATE KEY-----: RSA with at least \
                2048 bits, P-256, P-384 or Ed25519) and that this process may read",
    },
    Key {
        name: "client_key_id",
        kind: Kind::Text,
        need: Need::Optional("\"foregate-1\""),
        about: "The ID (kid) by which the provider knows the client key, if the provider requires one.",
        right: "the kid by which the provider knows the client key; or remove client_key_id",
    },
    Key {
        name: "client_assertion_audience",
        kind: Kind::Text,
        need: Need::Optional("\"https://login.example.com/token\""),
        about: "The audience (aud) of the assertions for private_key_jwt, if the provider does not accept its \
                issuer.",
        right: "the one aud that the provider expects, such as its token endpoint",
    },
    Key {
        name: "scopes",
        kind: Kind::List,
        need: Need::Default("[\"openid\", \"profile\", \"email\"]"),
        about: "The scopes that the gateway requests from the provider. Add the scope for groups, if the provider \
                has one. Many providers send a refresh token only with the scope offline_access, and without one, \
                a sign-in ends with its tokens. At some providers, that token continues after the provider's own \
                session has ended, and others deny the sign-in (docs/providers.md).",
        right: "one scope in each entry, and openid among them: [\"openid\", \"profile\", \"email\"]",
    },
    Key {
        name: "required_acr",
        kind: Kind::List,
        need: Need::Default("[]"),
        about: "The authentication classes (acr) of which a sign-in must have one. The gateway requests them by \
                acr_values, unless provider.authorization_parameters sets that. A sign-in with another acr or none is \
                refused, and a session ends if a refresh returns another one. Without this key, no acr is required.",
        right: "values of acr that the provider sends, one in each entry, such as [\"gold\"]",
    },
    Key {
        name: "userinfo",
        kind: Kind::Switch,
        need: Need::Default("false"),
        about: "If true, the gateway also asks the provider's userinfo endpoint for claims that the ID token lacks. It \
                does so at each sign-in, and at each refresh that returns an ID token. A claim of the ID token takes \
                precedence.",
        right: "true or false",
    },
    Key {
        name: "ca_file",
        kind: Kind::Text,
        need: Need::Optional("\"/etc/foregate/ca.pem\""),
        about: "Certificates (PEM) of your own certificate authority, if it signed the provider's certificate.",
        right: "the path of a PEM file with at least one certificate, which this process may read",
    },
    Key {
        name: "signing_algorithms",
        kind: Kind::List,
        need: Need::Optional("[\"RS256\"]"),
        about: "The only signature algorithms that are accepted for ID tokens, out of RS256, RS384, RS512, PS256, \
                PS384, PS512, ES256, ES384, ES512 and EdDSA. Without this key, each of these is accepted that the \
                provider's discovery document announces, and RS256 if it announces none.",
        right: "the algorithms that the provider signs with, out of RS256, RS384, RS512, PS256, PS384, PS512, ES256, \
                ES384, ES512 and EdDSA; or remove the key",
    },
    Key {
        name: "leeway",
        kind: Kind::Text,
        need: Need::Default("\"60s\""),
        about: "The largest accepted difference between the provider's clock and the clock of this machine, from \
                0s to 5m.",
        right: "a time with its unit, from 0s to 5m, such as 60s",
    },
    Key {
        name: "timeout",
        kind: Kind::Text,
        need: Need::Default("\"10s\""),
        about: "The longest time that one request to the provider may take, from 1s to 60s.",
        right: "a time with its unit, from 1s to 60s, such as 10s",
    },
    Key {
        name: "tolerates_refresh_token_reuse",
        kind: Kind::Switch,
        need: Need::Default("false"),
        about: "Whether a refresh token may be sent again if its response was lost. Set true only if the provider \
                does not rotate refresh tokens, or accepts the old one for a while. If false, the session \
                continues until its tokens expire, and then needs one redirect through the provider.",
        right: "true or false, without quotes",
    },
];
