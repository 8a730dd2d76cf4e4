//! Where does the provider agree to run?

use std::net::SocketAddr;

use dev_provider::{Settings, StartError, start};
use tokio::net::TcpStream;

use crate::harness::World;

#[tokio::test]
async fn anything_but_loopback_is_refused() {
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
async fn a_stopped_provider_takes_no_connections() {
    let world = World::new().await;
    let address = world.provider.address();
    assert_eq!(world.get("/jwks", &[]).await.status, 200);
    world.provider.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn debug_output_holds_no_secret() {
    let shown = format!("{:?}", Settings::default());
    assert!(shown.contains("alice") && !shown.contains("foregate-secret") && !shown.contains("password"));
}
