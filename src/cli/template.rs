//! `foregate template`: prints a configuration file

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::command::{CommandResult, print};
use crate::config::{PROVIDER_TEMPLATES, ProviderTemplate, template};

#[derive(Args)]
pub(super) struct Options {
    /// Print the small file for this provider. docs/providers.md says what to register at the provider.
    #[arg(long = "for", value_name = "PROVIDER", value_parser = provider_parser())]
    provider: Option<&'static ProviderTemplate>,
}

pub(super) fn run(options: &Options) -> CommandResult {
    match options.provider {
        Some(provider) => print(provider.text),
        None => print(&template()),
    }
}

/// Parses the name of a provider. With an unknown name, clap prints all names and the nearest one.
fn provider_parser() -> impl TypedValueParser<Value = &'static ProviderTemplate> {
    let names = PROVIDER_TEMPLATES.iter().map(|provider| provider.name);
    PossibleValuesParser::new(names).try_map(|name| {
        PROVIDER_TEMPLATES.iter().find(|provider| provider.name == name).ok_or("there is no such provider")
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Arguments, Command};
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        let arguments = ["foregate", "template"].iter().chain(arguments);
        match Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?.command {
            Command::Template(options) => Ok(options),
            _ => panic!("not the command template"),
        }
    }

    #[test]
    fn named_provider_selects_its_file() {
        for template in PROVIDER_TEMPLATES {
            let provider = parse(&["--for", template.name]).unwrap().provider.unwrap();
            assert_eq!(provider.text, template.text, "{}", template.name);
        }
        assert!(parse(&[]).unwrap().provider.is_none());
    }

    #[test]
    fn unknown_provider_lists_the_names_and_the_nearest_one() {
        let message = parse(&["--for", "keycloack"]).err().unwrap();
        assert!(message.contains("a similar value exists: 'keycloak'"), "{message}");
        assert!(PROVIDER_TEMPLATES.iter().all(|template| message.contains(template.name)), "{message}");
    }

    #[test]
    fn help_lists_the_providers() {
        let help = parse(&["--help"]).err().unwrap();
        assert!(PROVIDER_TEMPLATES.iter().all(|template| help.contains(template.name)), "{help}");
    }
}
