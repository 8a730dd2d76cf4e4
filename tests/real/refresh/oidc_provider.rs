//! Does nobody notice, with oidc-provider and rotation?

use super::{Form, Record, judge, polled};
use crate::harness::{Cookies, OidcProvider, Place, Stage};

const ALGORITHM: &str = "ES256";

async fn nobody_notices(cookies: Cookies) {
    let form = Form::asked_for();
    let place = Place::new();
    let provider = OidcProvider::rotating(&place.origin, ALGORITHM, form.life, &place.scratch).await;
    let registration = provider.registration(ALGORITHM);
    let stage = Stage::raise(place, provider, &registration, cookies).await;
    let polls = polled(&stage, form, cookies).await;

    let provider = stage.provider();
    let refused = [provider.told("refused"), provider.told("revoked")].concat();
    let record = Record {
        renewals: provider.told("granted refresh_token"),
        refused: refused.len(),
        codes: provider.told("granted authorization_code").len(),
    };
    judge(form, cookies, &polls, &record, &format!("{refused:?}\n{}", stage.gateway.log()));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_pollers_of_each_session_never_fail_and_no_token_is_sent_twice() {
    tokio::join!(nobody_notices(Cookies::Delivered), nobody_notices(Cookies::Dropped));
}
