//! The process that is killed

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::script::Writer;

/// Writes until it is killed. The arguments are the file, the seed, and the number of steps that each writer took.
pub(crate) async fn run(arguments: &[String]) {
    let store = Arc::new(crate::open(Path::new(&arguments[0])).unwrap());
    let seed = arguments[1].parse().unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for (number, steps) in (0_u8..).zip(&arguments[2..]) {
        let store = Arc::clone(&store);
        let mut writer = Writer::new(number, seed);
        for _ in 0..steps.parse().unwrap() {
            writer.advance();
        }
        writers.spawn(async move {
            loop {
                writer.advance().perform(&*store).await;
                // The parent reads to the end of the pipe, so a line that was written counts as acknowledged.
                std::io::stdout().lock().write_all(format!("{number}\n").as_bytes()).unwrap();
            }
        });
    }
    writers.join_next().await.unwrap().unwrap();
}
