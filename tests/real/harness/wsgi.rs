//! Application that reads header fields as CGI variables
//!
//! CGI, and after it WSGI, FastCGI and PHP, replace `-` by `_` in names and join fields with the same result (RFC 3875
//! §4.1.18). So `X_Forwarded_User` is the same variable as `X-Forwarded-User`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::process::{Program, Scratch, find_program, free_addresses};

/// Answers each request with its variables, as JSON.
const SCRIPT: &str = "import json, sys
from wsgiref.simple_server import make_server

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/json')])
    variables = {name: value for name, value in environ.items() if name.startswith('HTTP_')}
    return [json.dumps(variables).encode()]

make_server('127.0.0.1', int(sys.argv[1]), application).serve_forever()
";

/// The running application.
pub(crate) struct Wsgi {
    address: SocketAddr,
    _program: Program,
}

impl Wsgi {
    pub(crate) async fn start(scratch: &Scratch) -> Self {
        let [address] = free_addresses();
        let script = scratch.write("application.py", SCRIPT);
        let mut command = std::process::Command::new(find_program("python3"));
        command.arg(script).arg(address.port().to_string());
        let mut program = Program::start("wsgi", &mut command, scratch);
        program.wait_until("it listened", async || TcpStream::connect(address).await.ok().map(drop)).await;
        Self { address, _program: program }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Reads the variables in a response of the application.
pub(crate) fn parse_variables(body: &str) -> BTreeMap<String, String> {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}
