//! Does nobody notice, with Keycloak and *Revoke Refresh Token*?

use super::{Form, Record, judge, open, polled};
use crate::harness::Cookies;

async fn nobody_notices(cookies: Cookies) {
    let form = Form::asked_for();
    let stage = open(cookies, form.pages, form.life).await;
    let polls = polled(&stage, form, cookies).await;

    let realm = stage.provider();
    let record = Record {
        renewals: realm.sessions_of("REFRESH_TOKEN").await,
        refused: realm.events("REFRESH_TOKEN_ERROR").await,
        codes: realm.events("CODE_TO_TOKEN").await,
    };
    judge(form, cookies, &polls, &record, &stage.gateway.log());
    assert_eq!(realm.events("LOGIN").await, form.pages);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_pollers_of_each_session_never_fail_and_no_token_is_sent_twice() {
    tokio::join!(nobody_notices(Cookies::Delivered), nobody_notices(Cookies::Dropped));
}
