//! Start and stop of the provider

use std::net::SocketAddr;

use dev_provider::{Settings, StartError, start};
use tokio::net::TcpStream;

use crate::harness::Fixture;

#[tokio::test]
async fn address_other_than_loopback_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let listen: SocketAddr = address.parse().unwrap();
        let refused = start(Settings { listen, ..Settings::default() }).await;
        assert!(matches!(refused, Err(StartError::NotLoopback(_))), "{address}");
    }
}

#[tokio::test]
async fn an_issuer_with_a_path_is_refused() {
    let settings = Settings { issuer: Some("http://127.0.0.1/realms/a".to_owned()), ..Settings::default() };
    assert!(matches!(start(settings).await, Err(StartError::Issuer(_))));
}

#[tokio::test]
async fn stopped_provider_accepts_no_connections() {
    let fixture = Fixture::new().await;
    let address = fixture.provider.address();
    assert_eq!(fixture.get("/jwks", &[]).await.status, 200);
    fixture.provider.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn debug_output_contains_no_secret() {
    let shown = format!("{:?}", Settings::default());
    assert!(shown.contains("alice") && !shown.contains("foregate-secret") && !shown.contains("password"));
}
