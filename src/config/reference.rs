//! What does the reference page of all keys say?

use super::environment::variable;
use super::key::{Key, Need, Section};
use super::keys::TABLE;

const HEAD: &str = "\
# Configuration

This page is written by the program from the same table that reads the configuration; a test keeps it so.

## Where settings come from

Later ones win:

1. the defaults below;
2. a TOML file, named by `--config` or by `FOREGATE_CONFIG`;
3. the environment: `FOREGATE_`, the section, two underscores, the key, all in capitals, with commas between the
   entries of a list: `FOREGATE_PUBLIC__URLS=https://a.example.com,https://b.example.com`;
4. flags: `--set public.urls=https://a.example.com`.

Every secret can be given as a file: the same key with `_file` behind it. A secret in the environment is taken
letter by letter, whether it looks like a number or not. A time has a unit: `90s`, `10h`, `30d`.

`foregate check` tells every mistake at once: the key, its value (never a secret's), where it was set, what is wrong
and what would be right. A key that does not exist is a mistake. The service variables that Kubernetes puts into a
pod (`FOREGATE_SERVICE_HOST` and the like) are passed over.

Calls to the provider take the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, in capitals or not. A
provider on this machine or inside the cluster belongs into `NO_PROXY`. Requests to `upstream.url` never take a proxy.

## The smallest file

```toml
[public]
urls = [\"https://headlamp.example.com\"]
[provider]
issuer = \"https://keycloak.example.com/realms/main\"
client_id = \"foregate\"
client_secret_file = \"/run/secrets/client-secret\"
[session]
keys_file = \"/run/secrets/session-keys\"
```

`config/foregate.toml` holds every key with a comment.
";

/// The page, in Markdown.
pub fn reference() -> String {
    TABLE.sections.iter().fold(HEAD.to_owned(), |page, section| page + &chapter(section))
}

fn chapter(section: &Section) -> String {
    let path = section.path.replace('*', "<name>");
    let head = format!(
        "\n## [{path}]\n\n{}\n\n| key | default | meaning | environment |\n|---|---|---|---|\n",
        section.about
    );
    section.keys.iter().fold(head, |text, key| text + &row(&path, key))
}

fn row(path: &str, key: &Key) -> String {
    let name = key.name.replace('*', "<name>");
    let default = match key.need {
        Need::Required(_) => "required".to_owned(),
        Need::Optional(_) => "none".to_owned(),
        Need::Default(value) => format!("`{value}`"),
    };
    let variable = variable(&format!("{path}.{name}"));
    format!("| `{name}` | {default} | {} | `{variable}` |\n", key.about)
}
