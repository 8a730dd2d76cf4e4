//! The results as text: a line for each run, and the table as Markdown

use crate::verdict::Verdict;

impl Verdict {
    fn proofs(&self) -> String {
        let proofs = self.caused.proofs.iter().map(|(what, count)| format!("{count} {what}"));
        proofs.collect::<Vec<_>>().join(", ")
    }

    fn cost(&self) -> String {
        let allowed = self.allowed.map_or_else(|| "–".to_owned(), |allowed| allowed.to_string());
        format!("{allowed} → {}", self.seen)
    }

    /// Returns the figures of the run on one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{}, {}: {}; {} checks, {} got 503 (longest {:.1?}), {} redirects, {} without answer; {} refreshes, at most {} of {} \
             per session; {} reuse violations, {} prompts, longest wait {:.2?}, memory {:+} kB{}; {} failures caused, {} refreshes in flight; {}",
            self.run.name(),
            self.store.name(),
            self.cost(),
            self.total.checks,
            self.total.unavailable.len(),
            self.total.longest_refused,
            self.total.redirects.len(),
            self.unanswered,
            self.exchanges,
            self.most_exchanges,
            self.exchange_limit,
            self.reuse,
            self.total.prompts,
            self.total.max_wait,
            self.growth,
            self.keys.map_or_else(String::new, |(middle, end)| format!(", {middle} to {end} keys")),
            self.caused.events,
            self.caused.in_flight,
            self.proofs(),
        )
    }
}

/// Returns the table of all runs as Markdown.
pub(crate) fn markdown(verdicts: &[Verdict]) -> String {
    let head = "| failure | store | allowed → seen | checks | 503 | redirects | no answer | refreshes per session | reuse | prompts \
                | longest wait | other failures |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
    let rows = verdicts.iter().map(|verdict| {
        format!(
            "| {} | `{}` | {} | {} | {} | {} | {} | {} of {} | {} | {} | {:.2?} | {} |\n",
            verdict.run.title(),
            verdict.store.name(),
            verdict.cost(),
            verdict.total.checks,
            verdict.total.unavailable.len(),
            verdict.total.redirects.len(),
            verdict.unanswered,
            verdict.most_exchanges,
            verdict.exchange_limit,
            verdict.reuse,
            verdict.total.prompts,
            verdict.total.max_wait,
            verdict.failures.len(),
        )
    });
    head.to_owned() + &rows.collect::<String>()
}
