//! Reference page of all keys

use super::environment::variable;
use super::key::{Key, Need, Section};
use super::keys::TABLE;

const HEAD: &str = "\
# Configuration

This page lists every key. The program generates it from the same table that it uses to read the configuration, and a
test keeps the page up to date.

## Sources of settings

A setting can come from four sources. A later source overrides an earlier one:

1. The defaults on this page.
2. A TOML file, which `--config` or `FOREGATE_CONFIG` names.
3. The environment. The name of a variable is `FOREGATE_`, the section, two underscores and the key, all in capitals.
   Commas separate the entries of a list: `FOREGATE_PUBLIC__URLS=https://a.example.com,https://b.example.com`.
4. Flags: `--set public.urls=https://a.example.com`.

Every secret can be in a file instead: add `_file` to the key, and give the path. A secret in the environment is used
exactly as it is, even if it looks like a number. A time has a unit: `90s`, `10h`, `30d`.

`foregate check` reports all mistakes at once. For each mistake, it shows the key, the value, the place where it was
set, what is wrong and what would be right. It never shows the value of a secret. An unknown key is a mistake.
Foregate ignores the service variables that Kubernetes puts into a pod (`FOREGATE_SERVICE_HOST` and the like).

Calls to the provider use the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, in upper or lower case. Add
a provider on this machine or inside the cluster to `NO_PROXY`. Requests to `upstream.url` never use a proxy.

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

`config/foregate.toml` contains every key with a comment. [providers.md](providers.md) has a file for each of sixteen
providers, which `foregate template --for NAME` prints.
";

/// Returns the page, in Markdown.
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
