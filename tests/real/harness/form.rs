//! Forms of HTML pages

use url::Url;

/// Returns the action and the hidden fields of the first form of a page.
pub(crate) fn parse_form(at: &Url, html: &str) -> (Url, Vec<(String, String)>) {
    let form =
        html.split_once("<form").map(|(_, rest)| rest.split_once("</form").map_or(rest, |(form, _)| form));
    let (tag, content) =
        form.and_then(|form| form.split_once('>')).unwrap_or_else(|| panic!("no form at {at}: {html}"));
    let inputs =
        content.split("<input").skip(1).map(|input| input.split_once('>').map_or(input, |(tag, _)| tag));
    let hidden = inputs.filter(|input| input.contains("type=\"hidden\""));
    let fields = hidden.filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)));
    // A form without an action is sent to the address of its page.
    let action = attribute(tag, "action").map_or_else(|| at.clone(), |action| at.join(&action).unwrap());
    (action, fields.collect())
}

/// Returns the value of the first attribute with this name.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let entities =
        [("&#x27;", "'"), ("&#39;", "'"), ("&quot;", "\""), ("&#34;", "\""), ("&lt;", "<"), ("&gt;", ">")];
    let value = entities.iter().fold(value.to_owned(), |value, (entity, text)| value.replace(entity, text));
    Some(value.replace("&amp;", "&"))
}
